package kernels

import "fmt"

// depth is the number of inner indices that a product's tile holds at a time.
const depth = 16

// matmul multiplies float matrices; where cublasLt is there, a device asks that.
func (l *lowering) matmul() error {
	a, b, y := l.in.In[0], l.in.In[1], l.in.Out[0]
	m, n := l.shape(y)[0], l.shape(y)[1]
	k := l.shape(a)[1]
	if l.in.Attrs.TransA {
		k = l.shape(a)[0]
	}
	l.product(Address(y), matrix(Address(a), !l.in.Attrs.TransA, m, k), matrix(Address(b), l.in.Attrs.TransB, n, k), m, n, k)
	return nil
}

// matrix is a stored operand of a product; alongK says that neighbours in memory are neighbours in k.
func matrix(x Arg, alongK bool, outers, k int) param {
	ld := outers
	if alongK {
		ld = k
	}
	return as(fmt.Sprintf("matrix<%t>(%%s, %%s, %%s, %%s)", alongK), x, Int64(ld), Int32(outers), Int32(k))
}

// product computes y[m, n] from two operands over k inner indices, which are split where the tiles of y are too few to keep a
// GPU busy.
func (l *lowering) product(y Arg, a, b param, m, n, k int) {
	r := 8
	if m <= 64 || n <= 64 || ceilDiv(m, 128)*ceilDiv(n, 128) < 64 {
		r = 4
	}
	tiles := ceilDiv(m, 16*r) * ceilDiv(n, 16*r)
	parts := max(1, min(256/tiles, k/(16*depth)))
	part := ceilDiv(ceilDiv(k, parts), depth) * depth
	parts = ceilDiv(k, part)
	to := y
	if parts > 1 {
		to = l.scratch(parts * m * n)
	}
	l.launch(fmt.Sprintf("product<%d>", r), Extent{uint32(ceilDiv(m, 16*r)), uint32(ceilDiv(n, 16*r)), uint32(parts)}, line(threads),
		pass(to), a, b, pass(Int32(m)), pass(Int32(n)), pass(Int32(k)), pass(Int32(part)))
	if parts > 1 {
		l.reduceCols(y, value(to), 1, parts, m*n)
	}
}
