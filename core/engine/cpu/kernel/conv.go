package kernel

import "fmt"

// Conv is a two-dimensional convolution of N images of H x W pixels and C channels with K filters of R x S pixels:
//
//	y[n, p, q, k] = Σ_{r, s, c} x[n, p*Stride+r-Pad, q*Stride+s-Pad, c] * w[r, s, c, k]
//
// where x outside the image is zero. x is [N, H, W, C], w is [R, S, C, K] and y is [N, P, Q, K] with P and Q from OutSize.
// Outputs are overwritten, and must not overlap inputs.
//
// Filters of 3 x 3 with a stride of one and 32 channels or more take Winograd's method (see the winograd type), whose
// rounding error was 2e-6 to 5e-6 of the result's root mean square, and 6e-5 at most; the direct method's is a tenth of that.
type Conv struct {
	N, H, W, C, K int
	R, S          int
	Stride, Pad   int
}

// OutSize returns the height P and width Q of the output: P = (H+2*Pad-R)/Stride + 1, rounded down, and Q likewise.
func (c Conv) OutSize() (p, q int) {
	return (c.H+2*c.Pad-c.R)/c.Stride + 1, (c.W+2*c.Pad-c.S)/c.Stride + 1
}

// check panics on a shape that is none and on slices that are too short for it.
func (c Conv) check(x Array, w []float32, y Array) {
	p, q := c.OutSize()
	if min(c.H, c.W, c.C, c.K, c.R, c.S, c.Stride, p, q) < 1 || min(c.N, c.Pad) < 0 || c.H+2*c.Pad < c.R || c.W+2*c.Pad < c.S {
		panic(fmt.Sprintf("kernel: no such convolution: %+v", c))
	}
	if x.Len() < c.N*c.H*c.W*c.C || len(w) < c.R*c.S*c.C*c.K || y.Len() < c.N*p*q*c.K {
		panic(fmt.Sprintf("kernel: convolution %+v: x, w and y have %d, %d and %d entries", c, x.Len(), len(w), y.Len()))
	}
}

// pointwise reports whether each output pixel depends on the input pixel at its place only: a matrix product.
func (c Conv) pointwise() bool { return c.R == 1 && c.S == 1 && c.Stride == 1 && c.Pad == 0 }

// Forward computes y.
func (c Conv) Forward(p *Pool, x, w, y []float32) { c.ForwardOf(p, Floats(x), w, Floats(y)) }

// ForwardOf is Forward for images in either storage.
func (c Conv) ForwardOf(p *Pool, x Array, w []float32, y Array) {
	c.ForwardThen(p, x, w, y, Epilogue{})
}

// ForwardParts is the number of parts that ForwardThen of an x so stored tells of; 0 where it cannot.
func (c Conv) ForwardParts(p *Pool, x Array) int {
	if pairs, ok := c.forwardDots(p, x); ok {
		return pairs.ForwardParts(p.dots, Array{})
	}
	switch {
	case c.pointwise():
		g := c.product(Array{}, nil, Array{})
		return g.rowParts(p.isa)
	case c.gathers(p.isa):
		g := c.gathered(Array{}, nil, Array{})
		return g.rowParts(p.isa)
	}
	if v, ok := p.winograd(c); ok {
		return v.parts()
	}
	return c.window().parts(c.N)
}

// product is the pointwise convolution as a product of matrices.
func (c Conv) product(x Array, w []float32, y Array) GemmArgs {
	return GemmArgs{M: c.N * c.H * c.W, N: c.K, K: c.C, Alpha: 1, A: x.floats, a16: x.halves, Lda: c.C, B: w, Ldb: c.K, C: y.floats, c16: y.halves, Ldc: c.K}
}

// window is the forward pass by the direct method.
func (c Conv) window() window {
	oh, ow := c.OutSize()
	return window{
		in:   field{h: c.H, w: c.W, c: c.C, top: -c.Pad, left: -c.Pad},
		r:    c.R,
		s:    c.S,
		step: c.Stride,
		oh:   oh, ow: ow, k: c.K,
		image: oh * ow * c.K, down: ow * c.K, across: c.K,
	}
}

// ForwardThen is ForwardOf with an epilogue, whose rows are the pixels of y. If ForwardParts is 0, it must be none.
func (c Conv) ForwardThen(p *Pool, x Array, w []float32, y Array, then Epilogue) {
	c.check(x, w, y)
	if pairs, ok := c.forwardDots(p, x); ok {
		c.forwardPairs(p, pairs, x, w, y, then)
		return
	}
	if c.pointwise() {
		g := c.product(x, w, y)
		g.then = then
		Gemm(p, g)
		return
	}
	if c.gathers(p.isa) {
		g := c.gathered(x, w, y)
		g.then = then
		Gemm(p, g)
		return
	}
	if v, ok := p.winograd(c); ok {
		v.convolve(p, x, w, y, then)
		return
	}
	scratch := p.borrow()
	defer p.giveBack(scratch)
	depth := c.R * c.S * c.C
	b := newPanels(scratch, p.isa, depth, c.K)
	pieces := parts(depth, gemmDepth)
	p.Run(b.count()*pieces, func(_, task int) {
		j := task / pieces
		lo, hi := span(depth, pieces, task%pieces)
		b.pack(b.rows(j, lo, hi), j, w[lo*c.K:], c.K)
	})
	c.window().run(p, c.N, x, b, y, then)
}

// BackwardData computes dx, the gradient of x, from dy, the gradient of y:
//
//	dx[n, h, w, c] = Σ_{r, s, k} dy[n, (h+Pad-r)/Stride, (w+Pad-s)/Stride, k] * w[r, s, c, k]
//
// over those r and s for which the divisions leave no rest and hit a pixel of dy.
func (c Conv) BackwardData(p *Pool, dy, w, dx []float32) {
	c.BackwardDataOf(p, Floats(dy), w, Floats(dx))
}

// BackwardDataOf is BackwardData for images in either storage.
func (c Conv) BackwardDataOf(p *Pool, dy Array, w []float32, dx Array) {
	c.BackwardDataThen(p, dy, w, dx, Epilogue{})
}

// BackwardDataParts is the number of parts that BackwardDataThen of a dy so stored tells of; 0 where it cannot.
func (c Conv) BackwardDataParts(p *Pool, dy Array) int {
	if pairs, ok := c.backwardDots(p, dy); ok {
		return pairs.BackwardDataParts(p.dots, Array{})
	}
	if c.pointwise() {
		g := c.turnedProduct(Array{}, nil, Array{})
		return g.rowParts(p.isa)
	}
	if v, ok := p.winograd(c); ok {
		return v.turned().parts()
	}
	switch {
	case c.Stride == 1:
		return c.turnedWindow(0, 0).parts(c.N)
	case c.sparse():
		rows, size := c.sparseRows()
		return parts(rows, size)
	}
	groups, bands := c.stridedCut()
	return groups * bands
}

// turnedProduct is the gradient of a pointwise convolution's input as a product of matrices.
func (c Conv) turnedProduct(dy Array, w []float32, dx Array) GemmArgs {
	return GemmArgs{TransB: true, M: c.N * c.H * c.W, N: c.C, K: c.K, Alpha: 1, A: dy.floats, a16: dy.halves, Lda: c.K, B: w, Ldb: c.K, C: dx.floats, c16: dx.halves, Ldc: c.C}
}

// BackwardDataThen is BackwardDataOf with an epilogue, whose rows are the pixels of dx. If BackwardDataParts is 0, it must be none.
func (c Conv) BackwardDataThen(p *Pool, dy Array, w []float32, dx Array, then Epilogue) {
	c.check(dx, w, dy)
	if pairs, ok := c.backwardDots(p, dy); ok {
		c.backwardPairs(p, pairs, dy, w, dx, then)
		return
	}
	if c.pointwise() {
		g := c.turnedProduct(dy, w, dx)
		g.then = then
		Gemm(p, g)
		return
	}
	if v, ok := p.winograd(c); ok {
		v.turned().convolve(p, dy, w, dx, then)
		return
	}
	if c.sparse() {
		c.backwardSparse(p, dy, w, dx, then)
		return
	}
	scratch := p.borrow()
	defer p.giveBack(scratch)
	if c.Stride > 1 {
		c.strided(p, scratch, w).run(p, dy, dx, then)
		return
	}
	v := c.turnedWindow(0, 0)
	v.run(p, c.N, dy, c.packClass(p, scratch, v, w, 0, 0), dx, then)
}

// turnedWindow is the convolution of class (a, b).
func (c Conv) turnedWindow(a, b int) window {
	rows, h0, oh := c.class(a, c.R, c.H)
	cols, w0, ow := c.class(b, c.S, c.W)
	pp, q := c.OutSize()
	return window{
		in:   field{h: pp, w: q, c: c.K, top: (h0+c.Pad)/c.Stride - rows + 1, left: (w0+c.Pad)/c.Stride - cols + 1},
		r:    rows,
		s:    cols,
		step: 1,
		oh:   oh, ow: ow, k: c.C,
		first: (h0*c.W + w0) * c.C, image: c.H * c.W * c.C, down: c.Stride * c.W * c.C, across: c.Stride * c.C,
	}
}

// class returns, for one axis, how many of the filter's taps belong to class a, and the first and the number of the input
// coordinates.
func (c Conv) class(a, taps, size int) (count, first, n int) {
	first = ((a-c.Pad)%c.Stride + c.Stride) % c.Stride
	return max(0, parts(taps-a, c.Stride)), first, parts(size-first, c.Stride)
}
