package kernel

// The gradient of the filters by Winograd's method. Differentiating y = Aᵀ (Σ_c U V) A and U = G g Gᵀ:
//
//	dU = Σ_tiles V (A dy Aᵀ),  dg = Gᵀ dU G
//
// The sums over tiles are 36 matrix products, each done by one task from start to end, so that their order does not depend
// on the number of threads.

const (
	// winoGradTiles and winoGradFloats bound the tiles that are held transformed at a time.
	winoGradTiles  = 256
	winoGradFloats = 1 << 20
	// winoGradTask is the number of tiles that a task transforms.
	winoGradTask = 8
)

// gradientTiles holds transformed tiles: inputs as rows of channels, gradients in panels of filters.
type gradientTiles struct {
	v      spaced
	z      panels // of one product
	next   int    // from one product's panels to the next's
	in, dy []float32
}

// weights computes dw from x and dy.
func (w winograd) weights(p *Pool, x, dy, dw []float32) {
	scratch := p.borrow()
	defer p.giveBack(scratch)
	du := newSpaced(w.c, w.k)
	du.ld, du.next = w.k, w.c*w.k+cacheLine
	sums := scratch.floats(du.size())
	tiles := w.tiles()
	chunks := parts(tiles, max(winoGradTiles, winoGradFloats/(winoPoints*(w.c+w.k))))
	longest := parts(tiles, chunks)
	g := gradientTiles{v: newSpaced(longest, w.c), z: panels{isa: p.isa, k: longest, n: w.k}}
	g.next = panelsSize(p.isa, longest, w.k) + cacheLine
	g.in, g.dy = scratch.floats(g.v.size()), scratch.floats(g.next*winoPoints)
	for chunk := range chunks {
		t0, t1 := span(tiles, chunks, chunk)
		w.transformPairs(p, &g, t0, t1, x, dy)
		w.addProducts(p, &g, t1-t0, sums, du, chunk > 0)
	}
	p.Run(w.c, func(_, c int) {
		p.isa.winoWeightsGrad(w.k/p.isa.lanes(), &sums[c*du.ld], du.next, &dw[c*w.k], w.c*w.k)
	})
}

// transformPairs transforms tiles [t0, t1) of x and dy.
func (w winograd) transformPairs(p *Pool, g *gradientTiles, t0, t1 int, x, dy []float32) {
	p.Run(parts(t1-t0, winoGradTask), func(worker, task int) {
		lo, hi := spanSize(t1-t0, winoGradTask, task)
		edge := p.Scratch(worker, winoPoints*max(w.c, w.k))
		for t := lo; t < hi; t++ {
			w.input(p.isa, t0+t, x, edge, &g.in[t*g.v.ld], g.v.next)
			w.gradient(p.isa, t0+t, dy, edge, g, t)
		}
	})
}

// gradient transforms the output's gradient in tile t, row at of the panels.
func (w winograd) gradient(isa ISA, t int, dy, edge []float32, g *gradientTiles, at int) {
	n, i, j := w.place(t)
	image := dy[n*w.oh*w.ow*w.k : (n+1)*w.oh*w.ow*w.k]
	from, row := image[(i*w.ow+j)*w.k:], w.ow*w.k
	if i+winoTile > w.oh || j+winoTile > w.ow {
		f := frame{rows: winoTile, cols: winoTile, pixel: w.k, row: winoTile * w.k}
		field{h: w.oh, w: w.ow, c: w.k, left: j}.copyTo(edge, f, image, i)
		from, row = edge, f.row
	}
	for q := range g.z.count() {
		c0, c1, _ := g.z.columns(q)
		isa.winoGradient((c1-c0)/isa.lanes(), &from[c0], row, w.k, &g.dy[q*isa.panel()*g.z.k+at*g.z.width(q)], g.next)
	}
}

// addProducts adds the products of the tiles to dU, or starts it.
func (w winograd) addProducts(p *Pool, g *gradientTiles, tiles int, sums []float32, du spaced, add bool) {
	groups := min(g.z.count(), 4)
	p.Run(winoPoints*groups, func(worker, task int) {
		q := task / groups
		j0, j1 := span(g.z.count(), groups, task%groups)
		t := &p.slots[worker].tile
		t.taps, t.ntaps, t.kc, t.ks, t.alpha = &noTaps[0], 1, tiles, g.v.ld*floatBytes, 1
		t.contiguous(floatBytes, du.ld*floatBytes)
		t.setFlags(add, false, false, nil, 0)
		blocks := parts(w.c, p.isa.maxRows())
		for j := j0; j < j1; j++ {
			c0, c1, narrow := g.z.columns(j)
			t.columns(c1 - c0)
			t.b = &g.dy[q*g.next+j*p.isa.panel()*g.z.k]
			for i := range blocks {
				r0, r1 := span(w.c, blocks, i)
				t.a, t.c = &g.in[q*g.v.next+r0], &sums[q*du.next+r0*du.ld+c0]
				t.run(p.isa, r1-r0, narrow)
			}
		}
	})
}
