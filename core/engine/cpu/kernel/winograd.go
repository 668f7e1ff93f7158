package kernel

// winograd is a convolution of 3 x 3 filters with a stride of one by the method of Winograd, F(4x4, 3x3) (Lavin and Gray
// 2016): a tile of 4 x 4 outputs takes 36 multiplications a channel and filter instead of 144.
//
//	U = G g Gᵀ,  V = Bᵀ d B,  y = Aᵀ (Σ_c U V) A
//
// for each filter g, each tile's 6 x 6 inputs d and its outputs y. The sums over channels are 36 matrix products of the
// transformed tiles and filters. The matrices are in internal/gen/winograd.go.
//
// Channels and filters are multiples of 16, so that the transforms need no partial vectors.
type winograd struct {
	n, h, w, c int // input
	oh, ow, k  int // output
	pad        int
	back       bool // filters are turned: channels and filters change places, and taps are read in reverse
}

const (
	winoTile   = 4                       // outputs of a tile, in each direction
	winoInputs = winoTile + 2            // inputs that they see
	winoPoints = winoInputs * winoInputs // products that they take
	winoFloats = 3 << 17                 // of transformed tiles and products that a task holds: 1.5 MB
	winoAlign  = 16                      // channels come in this many
)

// winograd returns the method for the forward pass, and whether it pays: at least 32 channels and filters, enough tiles to
// amortise the filters' transform, and not too many outputs of tiles beyond the map's edge.
func (c Conv) winograd(isa ISA) (winograd, bool) {
	oh, ow := c.OutSize()
	w := winograd{n: c.N, h: c.H, w: c.W, c: c.C, oh: oh, ow: ow, k: c.K, pad: c.Pad}
	fits := isa != Plain && c.R == 3 && c.S == 3 && c.Stride == 1 && c.Pad <= 2 && c.C%winoAlign == 0 && c.K%winoAlign == 0
	pays := min(c.C, c.K) >= 32 && w.tiles() >= 32 && w.n*oh*ow*5 >= w.tiles()*winoTile*winoTile*2
	return w, fits && pays
}

// turned returns the method for the gradient of the input: a convolution of the output's gradient with the turned filters.
func (w winograd) turned() winograd {
	return winograd{n: w.n, h: w.oh, w: w.ow, c: w.k, oh: w.h, ow: w.w, k: w.c, pad: 2 - w.pad, back: !w.back}
}

func (w winograd) down() int   { return parts(w.oh, winoTile) }
func (w winograd) across() int { return parts(w.ow, winoTile) }
func (w winograd) tiles() int  { return w.n * w.down() * w.across() }

// place returns the image of tile t and its place in it, in outputs.
func (w winograd) place(t int) (n, i, j int) {
	per := w.down() * w.across()
	return t / per, t % per / w.across() * winoTile, t % w.across() * winoTile
}

// spaced is a stack of matrices, one for each of the 36 products, in one slice: rows of ld floats, matrices next floats
// apart. Distances keep clear of multiples of 4 kB, which would all fall into the same cache sets.
type spaced struct{ ld, next int }

func newSpaced(rows, cols int) spaced {
	s := spaced{ld: cols}
	if cols%256 == 0 {
		s.ld += cacheLine
	}
	s.next = rows*s.ld + cacheLine
	return s
}

func (s spaced) size() int { return s.next * winoPoints }

// inputs holds transformed tiles as rows of channels, in blocks of depth channels: block after block, each with its own
// matrices.
type inputs struct {
	spaced
	depth int
	data  []float32
}

func newInputs(a *arena, tiles, channels, depth int) inputs {
	v := inputs{spaced: newSpaced(tiles, depth), depth: depth}
	v.data = a.floats(parts(channels, depth) * v.size())
	return v
}

// at returns block b from the given row on.
func (v inputs) at(b, row int) []float32 { return v.data[b*v.size()+row*v.ld:] }

// following returns the matrix after that of product q of block b; none after the last.
func (v inputs) following(b, q int) []float32 {
	at := b*v.size() + (q+1)*v.next
	if q == winoPoints-1 {
		at = (b + 1) * v.size()
	}
	if at >= len(v.data) {
		return nil
	}
	return v.data[at : at+v.next]
}

// convolve computes y from x and filters, [3, 3, C, K] (the other way round if they are turned).
func (w winograd) convolve(p *Pool, x Array, weights []float32, y Array, then Epilogue) {
	scratch := p.borrow()
	defer p.giveBack(scratch)
	if w.filtersAreFar() {
		w.runByFilters(p, scratch, x, weights, y, then)
		return
	}
	u := w.newFilters(scratch, p.isa)
	u.transform(p, weights)
	w.run(p, x, u, y, then)
}

// run computes y from x with transformed filters. A task takes some tiles through all steps, in its core's cache: one part
// or more of those that the epilogue is told of.
func (w winograd) run(p *Pool, x Array, u filters, y Array, then Epilogue) {
	all := w.parts()
	tasks := parts(w.tiles(), w.tilesPerTask(p.threads)) // no more than there are parts
	p.Run(tasks, func(worker, task int) {
		p0, p1 := span(all, tasks, task)
		t0, _ := span(w.tiles(), all, p0)
		_, t1 := span(w.tiles(), all, p1-1)
		v, m := newInputs(&p.slots[worker].arena, t1-t0, w.c, w.c), newSpaced(t1-t0, w.k)
		out := p.Scratch(worker, m.size())
		edge := p.Scratch(worker, winoPoints*max(w.c, w.k))
		for t := t0; t < t1; t++ {
			w.input(p.isa, t, x, edge, v, t-t0)
		}
		var next reads
		lo, hi := w.pixels(t0, t1)
		next.addRows(then.Reads, lo, hi, w.k)
		w.multiply(p.isa, &p.slots[worker].tile, t1-t0, v, u, out, m, &next)
		for part := p0; part < p1; part++ {
			lo, hi := span(w.tiles(), all, part)
			for t := lo; t < hi; t++ {
				w.output(p.isa, t, &out[(t-t0)*m.ld], m.next, edge, y, 0, w.k)
			}
			if then.Done != nil {
				w.tell(then.Done, worker, part, lo, hi)
			}
		}
	})
}

// winoPart is the number of tiles of a part: as many as the product kernel takes at a time.
const winoPart = 14

// parts returns into how many parts the tiles are cut.
func (w winograd) parts() int { return parts(w.tiles(), winoPart) }

// pixels returns the range of outputs, from whole rows, in which tiles [t0, t1) lie.
func (w winograd) pixels(t0, t1 int) (lo, hi int) {
	n, i, _ := w.place(t0)
	m, j, _ := w.place(t1 - 1)
	return (n*w.oh + i) * w.ow, (m*w.oh + min(w.oh, j+winoTile)) * w.ow
}

// tell tells done the pixels of tiles [t0, t1): row after row of those that are in the same row of tiles. Rows that follow
// each other are told at once.
func (w winograd) tell(done RowsDone, worker, part, t0, t1 int) {
	from, to := 0, 0 // pixels not told yet
	for t0 < t1 {
		next := min(t1, (t0/w.across()+1)*w.across())
		n, i, j := w.place(t0)
		right := min(w.ow, j+(next-t0)*winoTile)
		for row := i; row < min(w.oh, i+winoTile); row++ {
			at := (n*w.oh + row) * w.ow
			if at+j != to {
				if from < to {
					done(worker, part, from, to)
				}
				from = at + j
			}
			to = at + right
		}
		t0 = next
	}
	done(worker, part, from, to)
}

// tilesPerTask returns how many tiles a task takes through: few if all filters stay in the core's cache, and the more the
// larger the filters are, which come from farther away each time. It does not change results.
func (w winograd) tilesPerTask(threads int) int {
	const least, most = winoPart, 5 * winoPart
	n := least * w.c * w.k / (64 * 64) / max(1, (w.c+w.k)/128)
	return max(least, min(n, most, parts(w.tiles(), threads)))
}

// input transforms the inputs of tile t to the given row of v. Where the tile leaves the image, they are zero: masked while
// they are loaded, or copied into a border of zeros first.
func (w winograd) input(isa ISA, t int, x Array, edge []float32, v inputs, at int) {
	n, i, j := w.place(t)
	in := field{h: w.h, w: w.w, c: w.c, left: j - w.pad}
	image := x.slice(n*w.h*w.w*w.c, (n+1)*w.h*w.w*w.c)
	top := i - w.pad
	rows, cols := inside(top, w.h), inside(in.left, w.w)
	whole := rows == allInside && cols == allInside
	f := frame{rows: winoInputs, cols: winoInputs, pixel: w.c, row: winoInputs * w.c}
	copied := !isa.loads(x) || !whole && !isa.masks()
	if copied {
		in.copyTo(isa, edge, f, image, top)
	}
	first := (top*w.w + in.left) * w.c
	for b := range parts(w.c, v.depth) {
		c0, c1 := spanSize(w.c, v.depth, b)
		vecs, dst := (c1-c0)/isa.lanes(), &v.at(b, at)[0]
		switch {
		case copied:
			isa.winoInput(vecs, Floats(edge[c0:]), f.row, f.pixel, dst, v.next)
		case whole:
			isa.winoInput(vecs, image.from(first+c0), w.w*w.c, w.c, dst, v.next)
		default:
			isa.winoInputEdge(vecs, image, first+c0, w.w*w.c, w.c, dst, v.next, rows, cols)
		}
	}
}

// allInside has a bit for each of a tile's inputs on one axis.
const allInside = 1<<winoInputs - 1

// inside returns a bit for each of a tile's inputs on one axis, from coordinate first on, that lies in [0, size).
func inside(first, size int) int {
	bits := allInside
	if first < 0 {
		bits = bits << -first & allInside
	}
	if over := first + winoInputs - size; over > 0 {
		bits &= allInside >> over
	}
	return bits
}

// multiply forms the 36 products, and fetches next meanwhile.
func (w winograd) multiply(isa ISA, t *tile, rows int, v inputs, u filters, out []float32, m spaced, next *reads) {
	t.taps, t.ntaps, t.kc, t.ks, t.alpha, t.flags = &noTaps[0], 1, w.c, floatBytes, 1, 0
	t.contiguous(v.ld*floatBytes, m.ld*floatBytes)
	tiles := parts(rows, isa.maxRows())
	for q := range winoPoints {
		for j := range u.count() {
			c0, c1, narrow := u.columns(j)
			t.columns(isa, c1-c0)
			t.b = &u.data[q*u.next+j*isa.panel()*w.c]
			for i := range tiles {
				r0, r1 := span(rows, tiles, i)
				t.a, t.c = &v.data[q*v.next+r0*v.ld], &out[q*m.next+r0*m.ld+c0]
				t.fetchPart(next, (q*u.count()+j)*tiles+i, winoPoints*u.count()*tiles)
				t.run(isa, r1-r0, narrow)
			}
		}
	}
	t.fetchNothing()
}

// output transforms the products of tile t back, for filters [k0, k1). Where the tile leaves the map, only its part inside is
// kept.
func (w winograd) output(isa ISA, t int, m *float32, next int, edge []float32, y Array, k0, k1 int) {
	n, i, j := w.place(t)
	to := y.from(((n*w.oh+i)*w.ow+j)*w.k + k0)
	width := k1 - k0
	vecs := width / isa.lanes()
	whole := i+winoTile <= w.oh && j+winoTile <= w.ow
	switch {
	case !isa.loads(y) || !whole && !isa.masks():
		isa.winoOutput(vecs, m, next, Floats(edge), winoTile*width, width)
		for r := range min(winoTile, w.oh-i) {
			for s := range min(winoTile, w.ow-j) {
				isa.write(to.from((r*w.ow+s)*w.k), edge[(r*winoTile+s)*width:][:width])
			}
		}
	case whole:
		isa.winoOutput(vecs, m, next, to, w.ow*w.k, w.k)
	default:
		isa.winoOutputEdge(vecs, m, next, to, w.ow*w.k, w.k, inside(i, w.oh), inside(j, w.ow))
	}
}
