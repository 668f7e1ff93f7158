package kernel

// Where filters are large and tiles are few, the transformed filters, four times as large as the filters, would be written to
// far memory and read from there again for little arithmetic each time. So these change roles with the tiles: all tiles are
// transformed first, and a task makes one panel of filters for all of them. It transforms a block of the panel's channels,
// multiplies while the block is in its core's cache, and adds the products up block by block.

const (
	winoFarTiles = 128     // at most
	winoFarSize  = 1 << 16 // channels times filters, at least
	winoDepth    = 128     // channels of a block
)

// filtersAreFar reports whether tasks share filters and not tiles.
func (w winograd) filtersAreFar() bool {
	return w.tiles() <= winoFarTiles && w.c*w.k >= winoFarSize
}

// runByFilters computes y from x and filters.
func (w winograd) runByFilters(p *Pool, scratch *arena, x Array, weights []float32, y Array, then Epilogue) {
	tiles := w.tiles()
	v := newInputs(scratch, tiles, w.c, winoDepth)
	p.Run(tiles, func(worker, t int) {
		w.input(p.isa, t, x, p.Scratch(worker, winoPoints*w.c), v, t)
	})
	f := filters{panels: panels{isa: p.isa, k: w.c, n: w.k}, back: w.back}
	p.Run(f.count(), func(worker, j int) {
		w.runPanel(p.isa, &p.slots[worker], v, f, j, weights, y)
	})
	if then.Done == nil {
		return
	}
	p.Run(w.parts(), func(worker, part int) {
		lo, hi := span(tiles, w.parts(), part)
		w.tell(then.Done, worker, part, lo, hi)
	})
}

// runPanel computes the columns of y that belong to panel j of the filters.
func (w winograd) runPanel(isa ISA, s *slot, v inputs, f filters, j int, weights []float32, y Array) {
	tiles := w.tiles()
	k0, k1, narrow := f.columns(j)
	m := newSpaced(tiles, isa.panel())
	next := winoDepth*isa.panel() + cacheLine
	u, tmp := s.arena.floats(winoPoints*next), s.arena.floats(f.scratch())
	out, edge := s.arena.floats(m.size()), s.arena.floats(winoTile*winoTile*isa.panel())
	t := &s.tile
	t.taps, t.ntaps, t.ks, t.alpha, t.flags = &noTaps[0], 1, floatBytes, 1, 0
	t.contiguous(v.ld*floatBytes, m.ld*floatBytes)
	t.columns(isa, k1-k0)
	groups := parts(tiles, isa.maxRows())
	for b := range parts(w.c, v.depth) {
		c0, c1 := spanSize(w.c, v.depth, b)
		for i := range parts(c1-c0, winoRows) {
			lo, hi := spanSize(c1-c0, winoRows, i)
			f.rows(tmp, weights, j, c0+lo, c0+hi, u[lo*f.width(j):], next)
		}
		t.kc = c1 - c0
		for q := range winoPoints {
			t.b = &u[q*next]
			for g := range groups {
				r0, r1 := span(tiles, groups, g)
				t.a, t.c = &v.at(b, r0)[q*v.next], &out[q*m.next+r0*m.ld]
				t.fetch(v.following(b, q), g, groups)
				t.run(isa, r1-r0, narrow)
			}
		}
		t.flags = tileAdd
	}
	t.fetchNothing()
	for i := range tiles {
		w.output(isa, i, &out[i*m.ld], m.next, edge, y, k0, k1)
	}
}
