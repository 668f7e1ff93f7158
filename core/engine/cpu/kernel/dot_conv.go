package kernel

// forwardDots is the convolution of pairs of channels that Forward is of x in bfloat16, if it multiplies so.
func (c Conv) forwardDots(p *Pool, x Array) (pairs Conv, ok bool) {
	pairs = c
	pairs.C /= 2
	return pairs, c.dots(p, x, c.C, winograd.speed)
}

// forwardPairs is ForwardThen by the convolution of pairs.
func (c Conv) forwardPairs(p *Pool, pairs Conv, x Array, w []float32, y Array, then Epilogue) {
	scratch := p.borrow()
	defer p.giveBack(scratch)
	weights := scratch.floats(c.R * c.S * pairs.C * c.K)
	p.pairRows(weights, w, c.K)
	pairs.ForwardThen(p.dots, Floats(x.pairs()), weights, y, then)
}

// backwardDots is the convolution of pairs of filters whose BackwardData is that of dy in bfloat16, if it multiplies so.
func (c Conv) backwardDots(p *Pool, dy Array) (pairs Conv, ok bool) {
	pairs = c
	pairs.K /= 2
	return pairs, c.dots(p, dy, c.K, winograd.speed)
}

// backwardPairs is BackwardDataThen by the convolution of pairs.
func (c Conv) backwardPairs(p *Pool, pairs Conv, dy Array, w []float32, dx Array, then Epilogue) {
	scratch := p.borrow()
	defer p.giveBack(scratch)
	weights := scratch.floats(c.R * c.S * c.C * pairs.K)
	halves := ViewBF16(weights, 2*len(weights)) // pairs of filters lie beside each other
	p.each(len(halves), func(lo, hi int) { p.isa.Narrow(halves[lo:hi], w[lo:hi]) })
	pairs.BackwardDataThen(p.dots, Floats(dy.pairs()), weights, dx, then)
}
