package kernel

const (
	// gridWeights is the number of weights whose gradient a task sums at the most: 256 kB, which stay in its core's cache.
	gridWeights = 1 << 16
	// gridPixels is the number of output pixels that a task sums at a time, about; of a convolution with a stride, which sees
	// more inputs in as many outputs, the stride's part.
	gridPixels = 256
	// gridChannels is the least number of channels that fill a tile's rows.
	gridChannels = 8
)

// weightGrid is the gradient of a convolution's weights where both operands are read in place: for each tap of the filters a
// product of the input's channels with the output's gradients, summed over the pixels that the tap sees.
//
// It is cut into blocks of channels and filters, and where these are few, the rows of outputs of all images are cut into
// shares, whose gradients are added in order.
type weightGrid struct {
	Conv
	isa          ISA
	oh, ow       int
	cBlocks      int
	kBlock       int // filters of a block, whole panels
	shares       int
	rowsPerChunk int // rows of outputs that a task sums at a time
}

// weightGrid returns the method, and whether it fits: channels fill tiles, and filters vectors.
func (c Conv) weightGrid(isa ISA) (weightGrid, bool) {
	g := weightGrid{Conv: c, isa: isa, cBlocks: 1, kBlock: parts(c.K, isa.panel()) * isa.panel()}
	g.oh, g.ow = c.OutSize()
	taps := c.R * c.S
	for channels := c.C; taps*channels*g.kBlock > gridWeights; channels = parts(c.C, g.cBlocks) {
		switch {
		case g.kBlock > max(channels, isa.panel()):
			g.kBlock = parts(g.kBlock/2, isa.panel()) * isa.panel()
		case channels > 2*isa.maxRows():
			g.cBlocks *= 2
		default:
			return g, false
		}
	}
	g.rowsPerChunk = parts(gridPixels/g.Stride, g.ow)
	g.shares = max(1, min(parts(weightTasks, g.blocks()), partialFloats/(taps*c.C*c.K), parts(c.N*g.oh, g.rowsPerChunk)))
	return g, c.C >= gridChannels && c.K%isa.lanes() == 0
}

func (g weightGrid) blocks() int { return g.cBlocks * parts(g.K, g.kBlock) }

func (g weightGrid) run(p *Pool, x, dy, dw []float32) {
	scratch := p.borrow()
	defer p.giveBack(scratch)
	size := g.R * g.S * g.C * g.K
	sums := dw[:size]
	if g.shares > 1 {
		sums = scratch.floats(g.shares * size)
	}
	p.Run(g.shares*g.blocks(), func(worker, task int) {
		g.block(&p.slots[worker], task, task+p.threads, x, dy, sums[task/g.blocks()*size:])
	})
	if g.shares > 1 {
		addVectors(p, dw[:size], sums, g.shares)
	}
}

// gridChunk is what a task sums at a time: rows [u0, u1) of the outputs of all images, for channels [c0, c1) and filters
// [k0, k1).
type gridChunk struct{ c0, c1, k0, k1, u0, u1 int }

// chunks returns how many chunks a task has.
func (g weightGrid) chunks(task int) int {
	u0, u1 := span(g.N*g.oh, g.shares, task/g.blocks())
	return parts(u1-u0, g.rowsPerChunk)
}

// chunk returns chunk i of a task.
func (g weightGrid) chunk(task, i int) gridChunk {
	var k gridChunk
	block := task % g.blocks()
	k.c0, k.c1 = span(g.C, g.cBlocks, block%g.cBlocks)
	k.k0, k.k1 = spanSize(g.K, g.kBlock, block/g.cBlocks)
	u0, u1 := span(g.N*g.oh, g.shares, task/g.blocks())
	k.u0, k.u1 = span(u1-u0, g.chunks(task), i)
	k.u0, k.u1 = k.u0+u0, k.u1+u0
	return k
}

// block computes a task's share of its block of dw, while it fetches the next chunk, at the end that of the next task.
func (g weightGrid) block(slot *slot, task, nextTask int, x, dy, dw []float32) {
	t := &slot.tile
	t.contiguous(floatBytes, g.K*floatBytes)
	t.ks, t.alpha = g.Stride*g.C*floatBytes, 1
	chunks := g.chunks(task)
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
		g.sum(slot, g.chunk(task, i), next, x, dy, dw)
	}
	t.fetchNothing()
}

// sum computes a chunk's gradient, or adds it.
func (g weightGrid) sum(slot *slot, k gridChunk, next gridFetch, x, dy, dw []float32) {
	t, panel, tiles, done := &slot.tile, g.isa.panel(), parts(k.c1-k.c0, g.isa.maxRows()), 0
	for tap := range g.R * g.S {
		first, ok := g.setTaps(slot, k, tap/g.S, tap%g.S)
		for k0 := k.k0; k0 < k.k1; k0 += panel {
			k1 := min(k0+panel, k.k1)
			t.columns(g.isa, k1-k0)
			t.bs = g.K * floatBytes
			for i := range tiles {
				c0, c1 := span(k.c1-k.c0, tiles, i)
				c0, c1 = c0+k.c0, c1+k.c0
				out := (tap*g.C+c0)*g.K + k0
				if !ok {
					g.clearTile(dw[out:], c1-c0, k1-k0, t.flags)
					continue
				}
				t.a, t.b, t.c = &x[c0], &dy[first*g.K+k0], &dw[out]
				next.fetch(t, done)
				t.run(g.isa, c1-c0, k1-k0 <= g.isa.lanes())
				done++
			}
		}
	}
}

// clearTile is a tile without terms.
func (g weightGrid) clearTile(dw []float32, channels, filters int, flags tileFlags) {
	if flags&tileAdd != 0 {
		return
	}
	for c := range channels {
		clear(dw[c*g.K : c*g.K+filters])
	}
}

// setTaps fills the table with the rows of outputs in which tap (r, s) of the filters sees the image, each of the columns in
// which it does. It returns the first such output pixel, or that there is none.
func (g weightGrid) setTaps(slot *slot, k gridChunk, r, s int) (first int, ok bool) {
	t := &slot.tile
	slot.taps = slot.taps[:0]
	if g.pointwise() {
		slot.taps = append(slot.taps, tap{a: k.u0 * g.ow * g.C * floatBytes})
		t.taps, t.ntaps, t.kc = &slot.taps[0], 1, (k.u1-k.u0)*g.ow
		return k.u0 * g.ow, true
	}
	q0, q1 := g.seen(s, g.W, g.ow)
	p0, p1 := g.seen(r, g.H, g.oh)
	if q0 >= q1 {
		return 0, false
	}
	last := 0
	for u := k.u0; u < k.u1; u++ {
		n, p := u/g.oh, u%g.oh
		if p < p0 || p >= p1 {
			continue
		}
		row := tap{a: ((n*g.H+p*g.Stride+r-g.Pad)*g.W + q0*g.Stride + s - g.Pad) * g.C * floatBytes}
		if len(slot.taps) == 0 {
			first = u*g.ow + q0
		} else {
			row.skip = ((u-last)*g.ow - (q1 - q0)) * g.K * floatBytes
		}
		last = u
		slot.taps = append(slot.taps, row)
	}
	if len(slot.taps) == 0 {
		return 0, false
	}
	t.taps, t.ntaps, t.kc = &slot.taps[0], len(slot.taps), q1-q0
	return first, true
}

// seen returns, for one axis, the outputs [lo, hi) that see the image of the given size through a tap of the filters.
func (c Conv) seen(tap, size, outputs int) (lo, hi int) {
	lo = max(0, parts(c.Pad-tap, c.Stride))
	hi = min(outputs, parts(size+c.Pad-tap, c.Stride))
	return lo, hi
}

// gridFetch is the memory of a chunk: the gradients of its outputs and the inputs that these see.
type gridFetch [2]columns

// columns are some columns of a matrix of pixels: data starts with the first, and rows are ld apart.
type columns struct {
	data              []float32
	pixels, width, ld int
}

func (g weightGrid) fetch(k gridChunk, x, dy []float32) gridFetch {
	p0 := k.u0/g.oh*g.H + max(0, k.u0%g.oh*g.Stride-g.Pad)
	p1 := (k.u1-1)/g.oh*g.H + min(g.H, (k.u1-1)%g.oh*g.Stride+g.R-g.Pad)
	return gridFetch{
		{data: dy[k.u0*g.ow*g.K+k.k0:], pixels: (k.u1 - k.u0) * g.ow, width: k.k1 - k.k0, ld: g.K},
		{data: x[p0*g.W*g.C+k.c0:], pixels: (p1 - p0) * g.W, width: k.c1 - k.c0, ld: g.C},
	}
}

// fetch lets the n-th tile fetch one line of as many pixels as it has terms.
func (f gridFetch) fetch(t *tile, n int) {
	t.fetchNothing()
	terms := t.ntaps * t.kc
	for _, f := range f {
		lines := parts(f.width, cacheLine)
		if all := lines * parts(f.pixels, terms); n >= all {
			n -= all
			continue
		}
		t.ahead, t.stride = &f.data[n/lines*terms*f.ld+n%lines*cacheLine], f.ld*floatBytes
		return
	}
}
