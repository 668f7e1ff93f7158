package kernel

// blockFloats is the number of floats that one task of an elementwise kernel handles: 64 kB an operand.
const blockFloats = 16384

// each runs f over [0, n) in blocks.
func (p *Pool) each(n int, f func(lo, hi int)) {
	p.Run(parts(n, blockFloats), func(_, task int) { f(spanSize(n, blockFloats, task)) })
}

// eachRows runs f over blocks of rows of d floats.
func (p *Pool) eachRows(n, d int, f func(worker, lo, hi int)) {
	size := max(1, blockFloats/max(1, d))
	p.Run(parts(n, size), func(worker, task int) {
		lo, hi := spanSize(n, size, task)
		f(worker, lo, hi)
	})
}

// Binary sets dst[i] = a[i] op b[i] for all of dst.
func (p *Pool) Binary(op Op, dst, a, b []float32) {
	p.each(len(dst), func(lo, hi int) { p.isa.Binary(op, dst[lo:hi], a[lo:hi], b[lo:hi]) })
}

// Scalar sets dst[i] = a[i] op c for all of dst.
func (p *Pool) Scalar(op Op, dst, a []float32, c float32) {
	p.each(len(dst), func(lo, hi int) { p.isa.Scalar(op, dst[lo:hi], a[lo:hi], c) })
}

// Unary sets dst[i] = f(a[i]) for all of dst.
func (p *Pool) Unary(f Func, dst, a []float32) {
	p.each(len(dst), func(lo, hi int) { p.isa.Unary(f, dst[lo:hi], a[lo:hi]) })
}

// Affine sets dst[i] = a*x[i] + b for all of dst.
func (p *Pool) Affine(dst, x []float32, a, b float32) {
	p.each(len(dst), func(lo, hi int) { p.isa.Affine(dst[lo:hi], x[lo:hi], a, b) })
}

// Axpy adds a*x[i] to dst[i], for all of dst.
func (p *Pool) Axpy(dst []float32, a float32, x []float32) {
	p.each(len(dst), func(lo, hi int) { p.isa.Axpy(dst[lo:hi], a, x[lo:hi]) })
}

// MulAdd sets dst[i] = a[i]*b[i] + c[i] for all of dst.
func (p *Pool) MulAdd(dst, a, b, c []float32) {
	p.each(len(dst), func(lo, hi int) { p.isa.MulAdd(dst[lo:hi], a[lo:hi], b[lo:hi], c[lo:hi]) })
}

// ReLUGrad sets dst[i] = g[i] where y[i] > 0, else 0, for all of dst.
func (p *Pool) ReLUGrad(dst, g, y []float32) {
	p.each(len(dst), func(lo, hi int) { p.isa.ReLUGrad(dst[lo:hi], g[lo:hi], y[lo:hi]) })
}

// RowOp sets dst[i, j] = x[i, j] op v[j] for x of n rows and d columns: one value a column.
func (p *Pool) RowOp(op Op, dst, x, v []float32, n, d int) {
	v = v[:d]
	p.eachRows(n, d, func(_, lo, hi int) { p.isa.BinaryRows(op, dst[lo*d:hi*d], x[lo*d:hi*d], v) })
}

// ColOp sets dst[i, j] = x[i, j] op v[i] for x of n rows and d columns: one value a row.
func (p *Pool) ColOp(op Op, dst, x, v []float32, n, d int) {
	p.eachRows(n, d, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			p.isa.Scalar(op, dst[i*d:(i+1)*d], x[i*d:(i+1)*d], v[i])
		}
	})
}

// Transpose sets dst[j, i] = src[i, j] for src of the given number of rows and columns. dst must not overlap src.
func Transpose(p *Pool, dst, src []float32, rows, cols int) {
	const side = 64
	down, across := parts(rows, side), parts(cols, side)
	p.Run(down*across, func(_, task int) {
		r0, r1 := spanSize(rows, side, task/across)
		c0, c1 := spanSize(cols, side, task%across)
		transposeBlock(p.isa, dst[c0*rows+r0:], rows, src[r0*cols+c0:], cols, r1-r0, c1-c0)
	})
}
