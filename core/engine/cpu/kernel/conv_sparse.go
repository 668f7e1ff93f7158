package kernel

// sparse reports whether each output pixel depends on one input pixel, and not all of these are used: a pointwise convolution
// with a stride, which is best a product of the pixels that it uses.
func (c Conv) sparse() bool { return c.R == 1 && c.S == 1 && c.Stride > 1 && c.Pad == 0 }

// densely is a sparse convolution on the pixels that it uses: a pointwise one.
func (c Conv) densely() Conv {
	oh, ow := c.OutSize()
	return Conv{N: c.N, H: oh, W: ow, C: c.C, K: c.K, R: 1, S: 1, Stride: 1}
}

// gathers reports whether a sparse forward pass copies its pixels together first: its rows of outputs are shorter than a tile.
func (c Conv) gathers(isa ISA) bool {
	_, ow := c.OutSize()
	return c.sparse() && ow < isa.maxRows()
}

// gathered is the sparse forward pass as a product of matrices.
func (c Conv) gathered(x Array, w []float32, y Array) GemmArgs {
	g := c.densely().product(x, w, y)
	g.apart = c.lattice()
	return g
}

// lattice is where the pixels lie that a sparse convolution uses: in every step-th row of images of h x w pixels every step-th
// one. Used pixels are numbered as those of images of oh x ow.
type lattice struct{ h, w, step, oh, ow int }

func (c Conv) lattice() *lattice {
	oh, ow := c.OutSize()
	return &lattice{h: c.H, w: c.W, step: c.Stride, oh: oh, ow: ow}
}

// row is the first pixel of a row of used pixels, counted over all images.
func (l *lattice) row(u int) int { return (u/l.oh*l.h + u%l.oh*l.step) * l.w }

// copyTo copies used pixels [p0, p1), of each n channels from the first on, to rows of ld floats. Images have c channels.
func (l *lattice) copyTo(isa ISA, dst []float32, ld int, x Array, p0, p1, first, n, c int) {
	for p := p0; p < p1; {
		q := p % l.ow
		at := (l.row(p/l.ow)+q*l.step)*c + first
		for ; q < l.ow && p < p1; q++ {
			isa.read(dst[(p-p0)*ld:][:n], x.from(at))
			at += l.step * c
			p++
		}
	}
}

// sparseRows is the number of rows of used pixels, and of those that a task computes.
func (c Conv) sparseRows() (rows, size int) {
	oh, ow := c.OutSize()
	return c.N * oh, max(1, gemmRows/ow)
}

// backwardSparse computes the used pixels of dx by a product, some rows of them at a time, and writes them to their places
// with zeros between.
func (c Conv) backwardSparse(p *Pool, dy Array, w []float32, dx Array, then Epilogue) {
	scratch := p.borrow()
	defer p.giveBack(scratch)
	l := c.lattice()
	g := c.densely().turnedProduct(dy, w, Array{})
	b := newPanels(scratch, p.isa, g.K, g.N)
	g.packB(p, b)
	rows, size := c.sparseRows()
	p.Run(parts(rows, size), func(worker, task int) {
		u0, u1 := spanSize(rows, size, task)
		slot := &p.slots[worker]
		block := gemmBlock{GemmArgs: &g, isa: p.isa, b: b, m0: u0 * l.ow, m1: u1 * l.ow, j1: b.count(), k1: g.K}
		block.out = gemmOut{alpha: 1}
		block.sumApart(&slot.arena)
		block.compute(slot)
		for u := u0; u < u1; u++ {
			l.spread(p.isa, dx, u, block.out.c.floats[(u-u0)*l.ow*c.C:], c.C)
		}
		if then.Done != nil {
			then.Done(worker, task, l.row(u0), l.row(u1))
		}
	})
}

// spread writes a row of used pixels to their places, and zeros between these and up to the next such row.
func (l *lattice) spread(isa ISA, x Array, u int, used []float32, c int) {
	at := l.row(u)
	down := min(l.step, l.h-u%l.oh*l.step)
	to := x.slice(at*c, (at+down*l.w)*c)
	to.clear() // as a whole, faster than piece by piece; it stays in the nearest cache
	for q := range l.ow {
		isa.write(to.from(q*l.step*c), used[q*c:][:c])
	}
}
