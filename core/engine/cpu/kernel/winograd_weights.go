package kernel

// The gradient of the filters by Winograd's method. Differentiating y = Aᵀ (Σ_c U V) A and U = G g Gᵀ:
//
//	dg = Σ_chunks Gᵀ (Σ_tiles V (A dy Aᵀ)) G
//
// The sum over the tiles of a chunk is 36 matrix products; they go back to filters at once, so that the large dU never
// reaches memory. Chunks are cut by shape and added in order.

const (
	// Small filters: a task takes a share of the tiles, and holds some transformed in its core's cache.
	winoLocalSize   = 1 << 14 // channels times filters, at most
	winoLocalFloats = 1 << 18
	winoShares      = 16
	// Large filters: all tasks transform a chunk of tiles, and then each makes a part of the filters from it.
	winoChunk    = 56
	winoPairTask = 8 // tiles that a task transforms
	// winoBlock is the number of rows of tiles of the product kernel that are made at a time.
	winoBlock = 4
)

// weights computes dw from x and dy.
func (w winograd) weights(p *Pool, x, dy Array, dw []float32) {
	dw = dw[:9*w.c*w.k]
	if w.c*w.k <= winoLocalSize {
		w.weightsByShare(p, x, dy, dw)
	} else {
		w.weightsByPart(p, x, dy, dw)
	}
}

// pairs holds transformed tiles: inputs as rows of channels, gradients in panels of filters.
type pairs struct {
	v    inputs
	z    panels // of one product
	next int    // from one product's panels to the next's
	dy   []float32
}

func (w winograd) newPairs(a *arena, isa ISA, tiles int) pairs {
	g := pairs{v: newInputs(a, tiles, w.c, w.c), z: panels{isa: isa, k: tiles, n: w.k}, next: panelsSize(isa, tiles, w.k) + cacheLine}
	g.dy = a.floats(g.next * winoPoints)
	return g
}

// blocks returns into how many blocks of rows the filters are cut.
func (w winograd) blocks(isa ISA) int { return parts(w.c, winoBlock*isa.maxRows()) }

// weightsByShare gives each task a share of the tiles and a gradient of its own.
func (w winograd) weightsByShare(p *Pool, x, dy Array, dw []float32) {
	scratch := p.borrow()
	defer p.giveBack(scratch)
	tiles := w.tiles()
	chunk := max(32, winoLocalFloats/(winoPoints*(w.c+w.k)))
	shares := min(winoShares, parts(tiles, chunk))
	sums := scratch.floats(shares * len(dw))
	p.Run(shares, func(worker, task int) {
		t0, t1 := span(tiles, shares, task)
		out := sums[task*len(dw) : (task+1)*len(dw)]
		clear(out)
		arena := &p.slots[worker].arena
		chunks := parts(t1-t0, chunk)
		g := w.newPairs(arena, p.isa, parts(t1-t0, chunks))
		edge, product := arena.floats(winoPoints*max(w.c, w.k)), arena.floats(w.productSize(p.isa))
		for k := range chunks {
			lo, hi := span(t1-t0, chunks, k)
			for t := lo; t < hi; t++ {
				w.transformPair(p.isa, g, t-lo, t0+t, x, dy, edge)
			}
			for part := range w.blocks(p.isa) * g.z.count() {
				w.addPart(p.isa, &p.slots[worker].tile, g, hi-lo, part, product, out)
			}
		}
	})
	addVectors(p, dw, sums, shares)
}

// weightsByPart makes each part of the filters from all tiles.
func (w winograd) weightsByPart(p *Pool, x, dy Array, dw []float32) {
	scratch := p.borrow()
	defer p.giveBack(scratch)
	p.each(len(dw), func(lo, hi int) { clear(dw[lo:hi]) })
	tiles := w.tiles()
	chunks := parts(tiles, winoChunk)
	g := w.newPairs(scratch, p.isa, parts(tiles, chunks))
	for chunk := range chunks {
		t0, t1 := span(tiles, chunks, chunk)
		p.Run(parts(t1-t0, winoPairTask), func(worker, task int) {
			lo, hi := spanSize(t1-t0, winoPairTask, task)
			edge := p.Scratch(worker, winoPoints*max(w.c, w.k))
			for t := lo; t < hi; t++ {
				w.transformPair(p.isa, g, t, t0+t, x, dy, edge)
			}
		})
		p.Run(w.blocks(p.isa)*g.z.count(), func(worker, task int) {
			w.addPart(p.isa, &p.slots[worker].tile, g, t1-t0, task, p.Scratch(worker, w.productSize(p.isa)), dw)
		})
	}
}

// transformPair transforms tile t of x and dy, as row at of the pairs.
func (w winograd) transformPair(isa ISA, g pairs, at, t int, x, dy Array, edge []float32) {
	w.input(isa, t, x, edge, g.v, at)
	n, i, j := w.place(t)
	image := dy.slice(n*w.oh*w.ow*w.k, (n+1)*w.oh*w.ow*w.k)
	from, row := image.from((i*w.ow+j)*w.k), w.ow*w.k
	outside := i+winoTile > w.oh || j+winoTile > w.ow
	copied := !isa.loads(dy) || outside && !isa.masks()
	if copied {
		f := frame{rows: winoTile, cols: winoTile, pixel: w.k, row: winoTile * w.k}
		field{h: w.oh, w: w.ow, c: w.k, left: j}.copyTo(isa, edge, f, image, i)
		from, row = Floats(edge), f.row
	}
	for q := range g.z.count() {
		c0, c1, _ := g.z.columns(q)
		vecs, z := (c1-c0)/isa.lanes(), &g.dy[q*isa.panel()*g.z.k+at*g.z.width(q)]
		if outside && !copied {
			isa.winoGradientEdge(vecs, from.from(c0), row, w.k, z, g.next, inside(i, w.oh), inside(j, w.ow))
		} else {
			isa.winoGradient(vecs, from.from(c0), row, w.k, z, g.next)
		}
	}
}

// product returns the layout of the products of one part.
func (w winograd) product(isa ISA) spaced {
	return newSpaced(winoBlock*isa.maxRows(), isa.panel())
}

func (w winograd) productSize(isa ISA) int { return w.product(isa).size() }

// addPart adds the gradient of one block of channels and one panel of filters, over the given number of tiles, to dw.
func (w winograd) addPart(isa ISA, t *tile, g pairs, tiles, part int, product, dw []float32) {
	blocks, all := w.blocks(isa), parts(w.c, isa.maxRows())
	j := part % g.z.count()
	k0, k1 := span(all, blocks, part/g.z.count())
	first, _ := span(w.c, all, k0)
	_, end := span(w.c, all, k1-1)
	c0, c1, narrow := g.z.columns(j)
	m := w.product(isa)
	t.taps, t.ntaps, t.kc, t.ks, t.alpha, t.flags = &noTaps[0], 1, tiles, g.v.ld*floatBytes, 1, 0
	t.contiguous(floatBytes, m.ld*floatBytes)
	t.columns(isa, c1-c0)
	for q := range winoPoints {
		t.b = &g.dy[q*g.next+j*isa.panel()*g.z.k]
		for k := k0; k < k1; k++ {
			r0, r1 := span(w.c, all, k)
			t.a, t.c = &g.v.data[q*g.v.next+r0], &product[q*m.next+(r0-first)*m.ld]
			t.run(isa, r1-r0, narrow)
		}
	}
	for c := first; c < end; c++ {
		isa.winoWeightsGrad((c1-c0)/isa.lanes(), &product[(c-first)*m.ld], m.next, &dw[c*w.k+c0], w.c*w.k)
	}
}
