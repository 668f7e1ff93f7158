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
// product of the input's channels with the output's gradients, summed over the pixels that the tap sees. Of an operand in
// bfloat16, what a task sums at a time is widened first.
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
	rowsPerChunk int      // rows of outputs that a task sums at a time
	paired       int      // images, of which two make one of the convolution's; 0 where products are in float32
	apart        *lattice // of a sparse convolution, which is taken densely: a task copies the pixels that it sums at a time
}

// weightGrid returns the method, and whether it fits: channels fill tiles, and filters vectors.
func (c Conv) weightGrid(isa ISA) (weightGrid, bool) {
	g := weightGrid{Conv: c, isa: isa, cBlocks: 1, kBlock: parts(c.K, isa.panel()) * isa.panel()}
	if c.sparse() {
		g.Conv, g.apart = c.densely(), c.lattice()
	}
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

func (g weightGrid) run(p *Pool, x, dy Array, dw []float32) {
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
func (g weightGrid) block(slot *slot, task, nextTask int, x, dy Array, dw []float32) {
	t := &slot.tile
	t.contiguous(floatBytes, g.K*floatBytes)
	t.alpha = 1
	chunks := g.chunks(task)
	in, out := g.room(slot, task, x, dy)
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
		g.sum(slot, k, next, g.input(in, k, x), g.output(out, k, dy), dw)
	}
	t.fetchNothing()
}

// input is what a chunk's outputs see.
func (g weightGrid) input(w copied, k gridChunk, x Array) gridPart {
	p0, p1 := g.inputs(k)
	if g.paired > 0 {
		return g.pairs(w, x.halves, g.apart, g.H*g.W, p0, p1, k.c0, k.c1, g.C)
	}
	if g.apart == nil {
		return w.pixels(g.isa, x, p0, p1, k.c0, k.c1, g.C)
	}
	part := gridPart{data: w, pixel: p0, channel: k.c0, ld: k.c1 - k.c0}
	g.apart.copyTo(g.isa, w, part.ld, x, p0, p1, k.c0, part.ld, g.C)
	return part
}

// output is the gradient of a chunk's outputs.
func (g weightGrid) output(w copied, k gridChunk, dy Array) gridPart {
	p0, p1 := k.u0*g.ow, k.u1*g.ow
	if g.paired > 0 {
		return g.pairs(w, dy.halves, nil, g.oh*g.ow, p0, p1, k.k0, k.k1, g.K)
	}
	return w.pixels(g.isa, dy, p0, p1, k.k0, k.k1, g.K)
}

// copied is memory for pixels that are copied; nil where they are read in place.
type copied []float32

// room takes memory for the chunks of a task.
func (g weightGrid) room(slot *slot, task int, x, dy Array) (in, out copied) {
	inputs, outputs := 0, 0
	for i := range g.chunks(task) {
		k := g.chunk(task, i)
		p0, p1 := g.inputs(k)
		inputs, outputs = max(inputs, (p1-p0)*(k.c1-k.c0)), max(outputs, (k.u1-k.u0)*g.ow*(k.k1-k.k0))
	}
	if x.half() || g.apart != nil {
		in = slot.arena.floats(inputs)
	}
	if dy.half() {
		out = slot.arena.floats(outputs)
	}
	return in, out
}

// gridPart is a part of an image's pixels in float32: those from a first pixel on, channels from a first one on, pixels ld
// floats apart.
type gridPart struct {
	data               []float32
	pixel, channel, ld int
}

// at is the place of a pixel's channel.
func (g gridPart) at(pixel, channel int) *float32 {
	return &g.data[(pixel-g.pixel)*g.ld+channel-g.channel]
}

// pixels is pixels [p0, p1) and channels [c0, c1) of images of c channels: in place, or widened.
func (w copied) pixels(isa ISA, x Array, p0, p1, c0, c1, c int) gridPart {
	if !x.half() {
		return gridPart{data: x.floats, ld: c}
	}
	part := gridPart{data: w, pixel: p0, channel: c0, ld: c1 - c0}
	if part.ld == c {
		isa.Widen(w[:(p1-p0)*c], x.halves[p0*c:p1*c])
		return part
	}
	for p := p0; p < p1; p++ {
		isa.Widen(w[(p-p0)*part.ld:(p-p0+1)*part.ld], x.halves[p*c+c0:p*c+c1])
	}
	return part
}

// sum computes a chunk's gradient, or adds it.
func (g weightGrid) sum(slot *slot, k gridChunk, next gridFetch, x, dy gridPart, dw []float32) {
	t, panel, tiles, done := &slot.tile, g.isa.panel(), parts(k.c1-k.c0, g.isa.maxRows()), 0
	t.ks = g.Stride * x.ld * floatBytes
	for tap := range g.R * g.S {
		in, first, ok := g.setTaps(slot, k, tap/g.S, tap%g.S, x.ld, dy.ld)
		for k0 := k.k0; k0 < k.k1; k0 += panel {
			k1 := min(k0+panel, k.k1)
			t.columns(g.isa, k1-k0)
			t.bs = dy.ld * floatBytes
			for i := range tiles {
				c0, c1 := span(k.c1-k.c0, tiles, i)
				c0, c1 = c0+k.c0, c1+k.c0
				out := (tap*g.C+c0)*g.K + k0
				if !ok {
					g.clearTile(dw[out:], c1-c0, k1-k0, t.flags)
					continue
				}
				t.a, t.b, t.c = x.at(in, c0), dy.at(first, k0), &dw[out]
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
// which it does. It returns the first such output pixel with the input that it sees, or that there is none. Pixels of the
// input and of the outputs are so many floats apart.
func (g weightGrid) setTaps(slot *slot, k gridChunk, r, s, inputs, outputs int) (in, first int, ok bool) {
	t := &slot.tile
	slot.taps = slot.taps[:0]
	if g.pointwise() {
		slot.taps = append(slot.taps, tap{})
		t.taps, t.ntaps, t.kc = &slot.taps[0], 1, (k.u1-k.u0)*g.ow
		return k.u0 * g.ow, k.u0 * g.ow, true
	}
	q0, q1 := g.seen(s, g.W, g.ow)
	p0, p1 := g.seen(r, g.H, g.oh)
	if q0 >= q1 {
		return 0, 0, false
	}
	last := 0
	for u := k.u0; u < k.u1; u++ {
		n, p := u/g.oh, u%g.oh
		if p < p0 || p >= p1 {
			continue
		}
		pixel := (n*g.H+p*g.Stride+r-g.Pad)*g.W + q0*g.Stride + s - g.Pad
		row := tap{}
		if len(slot.taps) == 0 {
			in, first = pixel, u*g.ow+q0
		} else {
			row.a = (pixel - in) * inputs * floatBytes
			row.skip = ((u-last)*g.ow - (q1 - q0)) * outputs * floatBytes
		}
		last = u
		slot.taps = append(slot.taps, row)
	}
	if len(slot.taps) == 0 {
		return 0, 0, false
	}
	t.taps, t.ntaps, t.kc = &slot.taps[0], len(slot.taps), q1-q0
	return in, first, true
}

// seen returns, for one axis, the outputs [lo, hi) that see the image of the given size through a tap of the filters.
func (c Conv) seen(tap, size, outputs int) (lo, hi int) {
	lo = max(0, parts(c.Pad-tap, c.Stride))
	hi = min(outputs, parts(size+c.Pad-tap, c.Stride))
	return lo, hi
}

// gridFetch is the memory of a chunk: the gradients of its outputs, and the inputs that these see unless they lie apart.
type gridFetch [4]columns

// columns are some columns of a matrix of pixels: data starts with the first, and rows are ld apart.
type columns struct {
	data              []float32
	pixels, width, ld int
}

// inputs returns the input pixels [p0, p1) in which a chunk's outputs see all they do.
func (g weightGrid) inputs(k gridChunk) (p0, p1 int) {
	p0 = k.u0/g.oh*g.H + max(0, k.u0%g.oh*g.Stride-g.Pad)
	p1 = (k.u1-1)/g.oh*g.H + min(g.H, (k.u1-1)%g.oh*g.Stride+g.R-g.Pad)
	return p0 * g.W, p1 * g.W
}

func (g weightGrid) fetch(k gridChunk, x, dy Array) gridFetch {
	p0, p1 := g.inputs(k)
	if g.paired > 0 {
		return g.fetchPairs(k, p0, p1, x, dy)
	}
	next := gridFetch{columnsOf(dy, k.u0*g.ow, k.u1*g.ow, k.k0, k.k1, g.K)}
	if g.apart == nil {
		next[1] = columnsOf(x, p0, p1, k.c0, k.c1, g.C)
	}
	return next
}

// columnsOf is the memory of pixels [p0, p1) and channels [c0, c1) of images of c channels.
func columnsOf(x Array, p0, p1, c0, c1, c int) columns {
	numbers := floatBytes / x.size() // in a float
	if c%numbers != 0 {
		return columns{}
	}
	return columns{data: x.from(p0*c + c0).memory(), pixels: p1 - p0, width: parts(c1-c0, numbers), ld: c / numbers}
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
