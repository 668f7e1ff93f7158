package kernel

const (
	// chunkPixels is the number of output pixels whose gradient a task holds in packed form at a time.
	chunkPixels = 256
	// partialFloats bounds the memory of the partial gradients that are added at the end, and weightTasks their number.
	partialFloats = 1 << 23
	weightTasks   = 16
	// productSize is the number of weights from which on a pointwise gradient whose operands are not read in place is left
	// to Gemm: with fewer, reading the pixels dominates, and they are read once here.
	productSize = 1 << 18
	// pointPixels is the number of pixels of such a convolution that a task packs at a time: a tile of inputs and a panel of
	// gradients are 36 kB then, and fit the first-level cache.
	pointPixels = 192
)

// BackwardWeights computes dw, the gradient of w, from dy, the gradient of y:
//
//	dw[r, s, c, k] = Σ_{n, p, q} x[n, p*Stride+r-Pad, q*Stride+s-Pad, c] * dy[n, p, q, k]
//
// The images are cut into chunks by shape alone; each chunk's gradient is summed by itself, and these are added in order.
func (c Conv) BackwardWeights(p *Pool, x, dy, dw []float32) {
	c.BackwardWeightsOf(p, Floats(x), Floats(dy), dw)
}

// BackwardWeightsOf is BackwardWeights for images in either storage.
func (c Conv) BackwardWeightsOf(p *Pool, x, dy Array, dw []float32) {
	c.check(x, dw, dy)
	if c.weightDots(p, x, dy) {
		c.weightPairs(p, x, dy, dw)
		return
	}
	grid, inPlace := c.weightGrid(p.isa)
	if c.pointwise() && c.C*c.K >= productSize && !inPlace {
		Gemm(p, GemmArgs{TransA: true, M: c.C, N: c.K, K: c.N * c.H * c.W, Alpha: 1, A: x.floats, a16: x.halves, Lda: c.C, B: dy.floats, b16: dy.halves, Ldb: c.K, C: dw, Ldc: c.K})
		return
	}
	if v, ok := p.winograd(c); ok {
		v.weights(p, x, dy, dw)
		return
	}
	size := c.R * c.S * c.C * c.K
	if c.N == 0 {
		clear(dw[:size])
		return
	}
	switch {
	case inPlace:
		grid.run(p, x, dy, dw)
		return
	case c.pointwise():
		c.pointWeights(p, x, dy, dw)
		return
	}
	scratch := p.borrow()
	defer p.giveBack(scratch)
	b := panels{isa: p.isa, n: c.K}
	chunks := max(1, min(weightTasks, c.N, partialFloats/size))
	groups := min(b.count(), parts(weightTasks, chunks))
	sums := dw[:size]
	if chunks > 1 {
		sums = scratch.floats(chunks * size)
	}
	p.Run(chunks*groups, func(worker, task int) {
		n0, n1 := span(c.N, chunks, task/groups)
		j0, j1 := span(b.count(), groups, task%groups)
		c.weightsOf(p, worker, x, dy, sums[task/groups*size:], n0, n1, j0, j1)
	})
	if chunks > 1 {
		addVectors(p, dw[:size], sums, chunks)
	}
}

// addVectors sets dst to the sum of count vectors of its length, in order.
func addVectors(p *Pool, dst, vectors []float32, count int) {
	size := len(dst)
	p.each(size, func(lo, hi int) {
		copy(dst[lo:hi], vectors[lo:hi])
		for k := 1; k < count; k++ {
			p.isa.Binary(Add, dst[lo:hi], dst[lo:hi], vectors[k*size+lo:k*size+hi])
		}
	})
}

// weightsOf computes the gradient over images [n0, n1) of the filters in panels [j0, j1).
func (c Conv) weightsOf(p *Pool, worker int, x, dy Array, dw []float32, n0, n1, j0, j1 int) {
	v := c.window()
	images := max(1, min(n1-n0, chunkPixels/(v.oh*v.ow)))
	bands := 1
	if images == 1 {
		bands = parts(v.oh, max(1, parts(chunkPixels, v.ow)))
	}
	steps := parts(n1-n0, images)
	arena := &p.slots[worker].arena
	bandRows := parts(v.oh, bands)
	f := v.frame(bandRows)
	f.pixel, f.row = c.C, f.cols*c.C
	g := weightChunk{conv: c, view: v, frame: f, dw: dw,
		x: arena.floats(images * f.size()), dy: arena.floats(images * bandRows * v.ow * p.isa.panel())}
	for step := range steps {
		g.n0, g.n1 = span(n1-n0, steps, step)
		g.n0, g.n1 = g.n0+n0, g.n1+n0
		for band := range bands {
			g.i0, g.i1 = span(v.oh, bands, band)
			g.add = step > 0 || band > 0
			g.run(p, worker, x, dy, j0, j1)
		}
	}
}

// weightChunk is what a task works on at a time: rows [i0, i1) of the outputs of images [n0, n1).
type weightChunk struct {
	conv           Conv
	view           window
	frame          frame
	n0, n1, i0, i1 int
	x, dy          []float32 // copies: bordered input; one panel of dy
	dw             []float32
	add            bool
}

// run adds the chunk's share to panels [j0, j1) of dw.
func (g *weightChunk) run(p *Pool, worker int, x, dy Array, j0, j1 int) {
	c, v, slot := g.conv, g.view, &p.slots[worker]
	g.frame.rows = (g.i1-g.i0-1)*c.Stride + c.R
	source, start, image := x.floats, (g.n0*c.H+g.i0*c.Stride)*c.W*c.C, c.H*c.W*c.C
	f := g.frame
	if v.inside() && !x.half() {
		f.row = c.W * c.C
	} else {
		source, start, image = g.x, 0, f.size()
		for n := g.n0; n < g.n1; n++ {
			v.in.copyTo(p.isa, g.x[(n-g.n0)*f.size():], f, x.slice(n*c.H*c.W*c.C, (n+1)*c.H*c.W*c.C), g.i0*c.Stride-c.Pad)
		}
	}
	slot.taps = slot.taps[:0]
	for n := range g.n1 - g.n0 {
		for i := range g.i1 - g.i0 {
			slot.taps = append(slot.taps, tap{a: (n*image + i*c.Stride*f.row) * floatBytes})
		}
	}
	t := &slot.tile
	t.taps, t.ntaps, t.kc = &slot.taps[0], len(slot.taps), v.ow
	t.ks, t.alpha = c.Stride*c.C*floatBytes, 1
	t.contiguous(floatBytes, c.K*floatBytes)
	t.setFlags(g.add, false, false, nil, 0)
	for j := j0; j < j1; j++ {
		g.panel(p.isa, t, j, source[start:], dy, f)
	}
}

// panel computes the gradient of one panel of filters.
func (g *weightChunk) panel(isa ISA, t *tile, j int, in []float32, dy Array, f frame) {
	c := g.conv
	rows := (g.i1 - g.i0) * g.view.ow // of one image
	b := panels{isa: isa, n: c.K}
	w := b.width(j)
	for n := g.n0; n < g.n1; n++ {
		at := (n*g.view.oh + g.i0) * g.view.ow * c.K
		b.packOf(g.dy[(n-g.n0)*rows*w:(n-g.n0+1)*rows*w], j, dy.from(at), c.K)
	}
	t.b = &g.dy[0]
	c0, c1, narrow := b.columns(j)
	t.columns(isa, c1-c0)
	tiles := parts(c.S*c.C, isa.maxRows())
	for r := range c.R {
		for k := range tiles {
			e0, e1 := span(c.S*c.C, tiles, k)
			t.a = &in[r*f.row+e0]
			t.c = &g.dw[(r*c.S*c.C+e0)*c.K+c0]
			t.run(isa, e1-e0, narrow)
		}
	}
}

// pointWeights is the product xᵀ dy of pixels x channels and pixels x filters. Each task takes a share of the pixels.
func (c Conv) pointWeights(p *Pool, x, dy Array, dw []float32) {
	pixels, size := c.N*c.H*c.W, c.C*c.K
	shares := min(weightTasks, parts(pixels, pointPixels))
	scratch := p.borrow()
	defer p.giveBack(scratch)
	sums := dw[:size]
	if shares > 1 {
		sums = scratch.floats(shares * size)
	}
	p.Run(shares, func(worker, task int) {
		p0, p1 := span(pixels, shares, task)
		chunks := parts(p1-p0, pointPixels)
		for chunk := range chunks {
			lo, hi := span(p1-p0, chunks, chunk)
			p.slots[worker].arena.reset()
			c.pointWeightsOf(p, worker, x.from((p0+lo)*c.C), dy.from((p0+lo)*c.K), sums[task*size:(task+1)*size], hi-lo, chunk > 0)
		}
	})
	if shares > 1 {
		addVectors(p, dw[:size], sums, shares)
	}
}

// pointWeightsOf computes the gradient over some pixels, or adds it.
func (c Conv) pointWeightsOf(p *Pool, worker int, x, dy Array, dw []float32, pixels int, add bool) {
	isa, slot, b := p.isa, &p.slots[worker], panels{isa: p.isa, n: c.K}
	tiles := parts(c.C, isa.maxRows())
	in, panel := slot.arena.floats(tiles*pixels*isa.lanes()), slot.arena.floats(pixels*isa.panel())
	isa.packTiles(in, x.slice(0, pixels*c.C), pixels, 0, c.C, tiles, c.C)
	t := &slot.tile
	t.taps, t.ntaps, t.kc, t.ks, t.alpha = &noTaps[0], 1, pixels, isa.lanes()*floatBytes, 1
	t.contiguous(floatBytes, c.K*floatBytes)
	t.setFlags(add, false, false, nil, 0)
	for j := range b.count() {
		b.packOf(panel[:pixels*b.width(j)], j, dy, c.K)
		c0, c1, narrow := b.columns(j)
		t.columns(isa, c1-c0)
		t.b = &panel[0]
		for k := range tiles {
			e0, e1 := span(c.C, tiles, k)
			t.a, t.c = &in[k*pixels*isa.lanes()], &dw[e0*c.K+c0]
			t.run(isa, e1-e0, narrow)
		}
	}
}
