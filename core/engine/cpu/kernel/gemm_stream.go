package kernel

const (
	// streamLeast is the number of entries from which on a matrix comes from memory, and is best read there once, in order.
	streamLeast = 1 << 19
	// streamRows is the number of rows up to which a product is bound by reading B.
	streamRows = 28
	// streamFloats is the part of B that a task multiplies at a time: 512 kB, while it fetches as much.
	streamFloats = 1 << 17
	// streamDepth is the least depth that makes up for the start of a tile.
	streamDepth = 16
)

// streamsB reports whether the product has so few rows that it takes as long as reading B, which the tile kernel can do in
// place.
func (g *GemmArgs) streamsB(isa ISA) bool {
	return g.stored32() && g.apart == nil && !g.TransB && g.M <= streamRows && g.N%isa.lanes() == 0 && g.K*g.N >= streamLeast && g.K >= maxSplits*streamDepth
}

// streamB cuts the sum over K into parts, so that each task reads rows of B from their first to their last column.
func (g *GemmArgs) streamB(p *Pool, scratch *arena) {
	sums := scratch.floats(maxSplits * g.M * g.N)
	step := min(gemmDepth, max(streamDepth, streamFloats/g.N))
	p.Run(maxSplits, func(worker, task int) {
		k0, k1 := span(g.K, maxSplits, task)
		chunks := parts(k1-k0, step)
		for i := range chunks {
			lo, hi := span(k1-k0, chunks, i)
			_, end := span(k1-k0, chunks, min(i+1, chunks-1))
			next := g.B[(k0+hi-1)*g.Ldb+g.N : (k0+end-1)*g.Ldb+g.N]
			g.addRowsOfB(p.isa, &p.slots[worker].tile, k0+lo, k0+hi, i > 0, sums[task*g.M*g.N:], next)
		}
	})
	g.finishRows(p, sums, maxSplits)
}

// addRowsOfB adds the terms of rows [lo, hi) of B to sums, or sets sums to them, and fetches next meanwhile.
func (g *GemmArgs) addRowsOfB(isa ISA, t *tile, lo, hi int, add bool, sums, next []float32) {
	a := blockA{data: g.A[lo:], row: g.Lda, k: 1}
	if g.TransA {
		a = blockA{data: g.A[lo*g.Lda:], row: 1, k: g.Lda}
	}
	t.ntaps, t.kc, t.taps, t.ks, t.alpha = 1, hi-lo, &noTaps[0], a.k*floatBytes, 1
	t.contiguous(a.row*floatBytes, g.N*floatBytes)
	t.setFlags(add, false, false, nil, 0)
	b := panels{isa: isa, n: g.N}
	tiles := parts(g.M, isa.maxRows())
	for j := range b.count() {
		c0, c1, narrow := b.columns(j)
		t.columns(isa, c1-c0)
		t.b, t.bs = &g.B[lo*g.Ldb+c0], g.Ldb*floatBytes
		for i := range tiles {
			r0, r1 := span(g.M, tiles, i)
			t.a, t.c = &a.data[r0*a.row], &sums[r0*g.N+c0]
			t.fetch(next, j*tiles+i, b.count()*tiles)
			t.run(isa, r1-r0, narrow)
		}
	}
	t.fetchNothing()
}

// streamsA reports whether the product has so few columns that it takes as long as reading A.
func (g *GemmArgs) streamsA(isa ISA) bool {
	return g.stored32() && g.apart == nil && !g.TransA && g.N <= isa.panel() && g.M*g.K >= streamLeast && g.M > gemmRows && g.K > gemmDepth
}

// streamA multiplies rows of A, from their first to their last column, with the one panel of op(B).
func (g *GemmArgs) streamA(p *Pool, b panels) {
	height := p.isa.maxRows()
	if g.crowded() {
		height = min(height, gemmCrowded)
	}
	tiles := parts(g.M, height)
	p.Run(tiles, func(worker, task int) {
		t, out := &p.slots[worker].tile, g.destination()
		t.ntaps, t.kc, t.taps, t.ks, t.alpha = 1, g.K, &noTaps[0], floatBytes, out.alpha
		t.contiguous(g.Lda*floatBytes, out.ld*floatBytes)
		t.columns(p.isa, g.N)
		t.setFlags(out.add, out.relu, out.bias != nil, out.bias, 0)
		r0, r1 := span(g.M, tiles, task)
		t.a, t.b, t.c = &g.A[r0*g.Lda], b.from(0, 0), out.c.at(r0*out.ld)
		t.fetch(g.rowsOfA(task+p.threads, tiles), 0, 1)
		t.run(p.isa, r1-r0, g.N <= p.isa.lanes())
		t.fetchNothing()
	})
}

// stored32 reports whether all three matrices are float32.
func (g *GemmArgs) stored32() bool { return g.a16 == nil && g.b16 == nil && g.c16 == nil }
