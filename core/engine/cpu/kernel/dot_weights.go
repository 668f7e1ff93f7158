package kernel

// dotChunk is how many times as many pixels as a weightGrid's a dotGrid's task sums at a time: their numbers are half as large.
const dotChunk = 2

// dotGrid is the gradient of a convolution's weights by products of pairs of pixels: two of a row of outputs, and the two of
// the input that these see through a tap of the filters. Work is cut as weightGrid cuts it. A task writes the pairs of what it
// sums at a time beside each other, with zeros where there is no pixel:
//
//   - of the outputs' gradients, pairs (0, 1), (2, 3), ... of each row, filter after filter;
//   - of the input, from the first column on that an output sees, each column and that which the next output sees in its
//     place, channel after channel. A tap starts at its own column, and goes on by two outputs' distance.
//
// A pointwise convolution has all its pixels in one row.
type dotGrid struct {
	weightGrid
	across  int // pairs of outputs in a row
	columns int // pairs of the input in a row
}

// weightDots reports whether the gradient of the weights from x and dy multiplies in bfloat16.
func (c Conv) weightDots(p *Pool, x, dy Array) bool {
	if !dy.half() || !c.dots(p, x, 2, winograd.weightsSpeed) || c.N == 0 || c.sparse() && c.C%2 != 0 {
		return false
	}
	_, fits := c.weightGrid(p.isa)
	return fits
}

// weightPairs is BackwardWeightsOf by products of pairs.
func (c Conv) weightPairs(p *Pool, x, dy Array, dw []float32) {
	if !c.sparse() {
		grid, _ := c.weightGrid(p.isa)
		grid.byDots().run(p, x, dy, dw)
		return
	}
	scratch := p.borrow()
	defer p.giveBack(scratch)
	pairs := c // of channels, which are copied together
	pairs.C /= 2
	used := pairs.gather(p, scratch, Floats(x.pairs())).floats
	c.densely().weightPairs(p, Halves(ViewBF16(used, 2*len(used))), dy, dw)
}

// byDots is the same gradient by products of pairs.
func (g weightGrid) byDots() dotGrid {
	g.rowsPerChunk *= dotChunk
	g.shares = min(g.shares, parts(g.N*g.oh, g.rowsPerChunk))
	d := dotGrid{weightGrid: g, across: parts(g.ow, 2)}
	d.columns = 2*(d.across-1)*g.Stride + g.S
	return d
}

func (g dotGrid) run(p *Pool, x, dy Array, dw []float32) {
	scratch := p.borrow()
	defer p.giveBack(scratch)
	size := g.R * g.S * g.C * g.K
	sums := dw[:size]
	if g.shares > 1 {
		sums = scratch.floats(g.shares * size)
	}
	p.dots.Run(g.shares*g.blocks(), func(worker, task int) {
		g.block(&p.dots.slots[worker], task, task+p.threads, x, dy, sums[task/g.blocks()*size:])
	})
	if g.shares > 1 {
		addVectors(p, dw[:size], sums, g.shares)
	}
}

// block computes a task's share of its block of dw, while it fetches the next chunk, at the end that of the next task.
func (g dotGrid) block(slot *slot, task, nextTask int, x, dy Array, dw []float32) {
	t := &slot.tile
	t.contiguous(floatBytes, g.K*floatBytes)
	t.alpha = 1
	chunks := g.chunks(task)
	inputs, outputs := 0, 0
	for i := range chunks {
		in, out := g.sizes(g.chunk(task, i))
		inputs, outputs = max(inputs, in), max(outputs, out)
	}
	in, out := slot.arena.floats(inputs), slot.arena.floats(outputs)
	for i := range chunks {
		var next gridFetch
		switch {
		case i+1 < chunks:
			next = g.fetch(g.chunk(task, i+1), x, dy)
		case nextTask < g.shares*g.blocks():
			next = g.fetch(g.chunk(nextTask, 0), x, dy)
		}
		t.setFlags(i > 0, false, false, nil, 0)
		t.flags |= tileFetch
		k := g.chunk(task, i)
		g.pair(k, x.halves, dy.halves, in, out)
		g.sum(slot, k, next, in, out, dw)
	}
	t.fetchNothing()
}

// sizes returns how many pairs of inputs and of outputs a chunk has.
func (g dotGrid) sizes(k gridChunk) (inputs, outputs int) {
	if g.pointwise() {
		pairs := parts((k.u1-k.u0)*g.ow, 2)
		return pairs * (k.c1 - k.c0), pairs * (k.k1 - k.k0)
	}
	p0, p1 := g.inputs(k)
	return (p1 - p0) / g.W * g.columns * (k.c1 - k.c0), (k.u1 - k.u0) * g.across * (k.k1 - k.k0)
}

// pair writes the pairs of a chunk.
func (g dotGrid) pair(k gridChunk, x, dy []BF16, in, out []float32) {
	if g.pointwise() {
		p0, p1 := k.u0*g.ow, k.u1*g.ow
		g.pairPixels(in, x[p0*g.C:p1*g.C], g.C, k.c0, k.c1)
		g.pairPixels(out, dy[p0*g.K:p1*g.K], g.K, k.k0, k.k1)
		return
	}
	for u := k.u0; u < k.u1; u++ {
		g.pairPixels(out[(u-k.u0)*g.across*(k.k1-k.k0):], dy[u*g.ow*g.K:(u+1)*g.ow*g.K], g.K, k.k0, k.k1)
	}
	p0, p1 := g.inputs(k)
	width := g.columns * (k.c1 - k.c0)
	for row := p0 / g.W; row < p1/g.W; row++ {
		g.pairInputs(in[(row-p0/g.W)*width:][:width], x[row*g.W*g.C:(row+1)*g.W*g.C], k.c0, k.c1)
	}
}

// pairPixels writes channels [c0, c1) of pairs of neighbours of some pixels of c channels. Beyond the last pixel is zero.
func (g dotGrid) pairPixels(dst []float32, pixels []BF16, c, c0, c1 int) {
	for n := c1 - c0; len(pixels) > c; dst = dst[n:] {
		g.isa.pairHalves(dst[:n], pixels[c0:c1], pixels[c+c0:c+c1])
		pixels = pixels[2*c:]
	}
	if len(pixels) > 0 {
		pairAlone(dst[:c1-c0], pixels[c0:], 0)
	}
}

// pairInputs writes the pairs of one row of an image, for channels [c0, c1).
func (g dotGrid) pairInputs(dst []float32, row []BF16, c0, c1 int) {
	n := c1 - c0
	for j := range g.columns {
		to, low := dst[j*n:(j+1)*n], j-g.Pad
		high := low + g.Stride
		switch inLow, inHigh := low >= 0 && low < g.W, high >= 0 && high < g.W; {
		case inLow && inHigh:
			g.isa.pairHalves(to, row[low*g.C+c0:], row[high*g.C+c0:])
		case inLow:
			pairAlone(to, row[low*g.C+c0:], 0)
		case inHigh:
			pairAlone(to, row[high*g.C+c0:], 16)
		default:
			clear(to)
		}
	}
}

// sum computes a chunk's gradient from its pairs, or adds it.
func (g dotGrid) sum(slot *slot, k gridChunk, next gridFetch, in, out, dw []float32) {
	t, panel, tiles, done := &slot.tile, g.isa.panel(), parts(k.c1-k.c0, g.isa.maxRows()), 0
	channels, filters := k.c1-k.c0, k.k1-k.k0
	t.ks = 2 * g.Stride * channels * floatBytes
	if g.pointwise() {
		t.ks = channels * floatBytes
	}
	for tap := range g.R * g.S {
		x, dy, ok := g.setTaps(slot, k, tap/g.S, tap%g.S)
		for k0 := 0; k0 < filters; k0 += panel {
			k1 := min(k0+panel, filters)
			t.columns(g.isa, k1-k0)
			t.bs = filters * floatBytes
			for i := range tiles {
				c0, c1 := span(channels, tiles, i)
				to := dw[(tap*g.C+k.c0+c0)*g.K+k.k0+k0:]
				if !ok {
					g.clearTile(to, c1-c0, k1-k0, t.flags)
					continue
				}
				t.a, t.b, t.c = &in[x+c0], &out[dy+k0], &to[0]
				next.fetch(t, done)
				t.run(g.isa, c1-c0, k1-k0 <= g.isa.lanes())
				done++
			}
		}
	}
}

// setTaps fills the table with the rows of outputs in which tap (r, s) of the filters sees the image. It returns where the
// first one's pairs of the input and of the outputs start, or that there is none.
func (g dotGrid) setTaps(slot *slot, k gridChunk, r, s int) (x, dy int, ok bool) {
	t := &slot.tile
	slot.taps = slot.taps[:0]
	if g.pointwise() {
		slot.taps = append(slot.taps, tap{})
		t.taps, t.ntaps, t.kc = &slot.taps[0], 1, parts((k.u1-k.u0)*g.ow, 2)
		return 0, 0, true
	}
	top, _ := g.inputs(k)
	row, outputs := g.columns*(k.c1-k.c0), g.across*(k.k1-k.k0)
	p0, p1 := g.seen(r, g.H, g.oh)
	last := 0
	for u := k.u0; u < k.u1; u++ {
		n, p := u/g.oh, u%g.oh
		if p < p0 || p >= p1 {
			continue
		}
		at := (n*g.H + p*g.Stride + r - g.Pad - top/g.W) * row
		stretch := tap{}
		if len(slot.taps) == 0 {
			x, dy = at, (u-k.u0)*outputs
		} else {
			stretch = tap{a: (at - x) * floatBytes, skip: (u - last - 1) * outputs * floatBytes}
		}
		last = u
		slot.taps = append(slot.taps, stretch)
	}
	if len(slot.taps) == 0 {
		return 0, 0, false
	}
	t.taps, t.ntaps, t.kc = &slot.taps[0], len(slot.taps), g.across
	return x + s*(k.c1-k.c0), dy, true
}
