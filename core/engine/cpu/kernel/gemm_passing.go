package kernel

// passingRows is the number of rows of a passing product that a task makes at a time.
const passingRows = 14

// GemmPassing computes a product that is not stored: take is given pieces of it, each with the place of its first element in C,
// as soon as they are made, from several threads. g has neither C nor Beta; the pieces have the bits that Gemm would store. In
// place of C's memory a product of few terms, whose result is much larger than its operands, needs some rows a thread.
func GemmPassing(p *Pool, g GemmArgs, take func(first int, piece []float32)) {
	scratch := p.borrow()
	defer p.giveBack(scratch)
	if g.Ldc = g.N; g.passes() {
		g.passRows(p, scratch, take)
		return
	}
	g.C = scratch.floats(g.M * g.N)
	Gemm(p, g)
	p.each(len(g.C), func(lo, hi int) { take(lo, g.C[lo:hi]) })
}

// passes reports whether the product is made row by row: it is one that multiplies panels of all of K, and large.
func (g *GemmArgs) passes() bool {
	return g.TransA && !g.TransB && g.M > gemmRows && g.K <= gemmShallow && g.M*g.N >= streamLeast && !g.swaps()
}

// passRows makes some rows at a time, in the thread's own memory.
func (g *GemmArgs) passRows(p *Pool, scratch *arena, take func(first int, piece []float32)) {
	b := newPanels(scratch, p.isa, g.K, g.N)
	g.packB(p, b)
	tasks := parts(g.M, passingRows)
	p.Run(tasks, func(worker, task int) {
		m0, m1 := span(g.M, tasks, task)
		rows := p.Scratch(worker, (m1-m0)*g.N)
		block := gemmBlock{GemmArgs: g, isa: p.isa, b: b, m0: m0, m1: m1, j1: b.count(), k1: g.K,
			out: gemmOut{c: Floats(rows), ld: g.N, first: m0 * g.N, alpha: g.Alpha}}
		block.compute(&p.slots[worker])
		for i := range m1 - m0 {
			take((m0+i)*g.N, rows[i*g.N:(i+1)*g.N])
		}
	})
}
