package kernels

import "fmt"

// normalisation is how batch norm's kernels see an instruction: groups of rows of c channels, cut into chunks.
type normalisation struct {
	groups, rows, c int
	v               int // channels of a thread
	chunks, chunk   int
	grid, block     Extent
}

// normalisation spreads the operands over blocks; atMost bounds them.
func (l *lowering) normalisation(atMost int) normalisation {
	s := l.shape(l.in.In[0])
	n := normalisation{groups: l.in.Attrs.Groups, c: s[len(s)-1]}
	n.rows = l.size(l.in.In[0]) / n.c / n.groups
	n.v = l.vector(n.c, l.addresses()...)
	wide := 8
	for wide < 32 && wide*n.v < n.c {
		wide *= 2
	}
	high := threads / wide
	across := ceilDiv(n.c, wide*n.v) * n.groups
	n.chunks = max(1, min(atMost/across, n.rows/(4*high)))
	n.chunk = ceilDiv(n.rows, n.chunks)
	n.chunks = ceilDiv(n.rows, n.chunk)
	n.grid, n.block = Extent{uint32(across), uint32(n.chunks), 1}, Extent{uint32(wide), uint32(high), 1}
	return n
}

// extent is what the functions take of it.
func (n normalisation) extent() []param {
	return []param{pass(Int64(n.rows)), pass(Int32(n.c)), pass(Int64(n.chunk))}
}

func (l *lowering) eps() param { return pass(Float32(l.in.Attrs.Eps)) }

func (l *lowering) bnStats() error {
	n := l.normalisation(enoughBlocks)
	part := l.scratch(3 * n.groups * n.chunks * n.c)
	l.launch(fmt.Sprintf("bn_moments<%d>", n.v), n.grid, n.block, append([]param{as("(moments*)%s", part), l.operand(0)}, n.extent()...)...)
	l.launch("bn_stats", Extent{uint32(ceilDiv(n.c, 8)), uint32(n.groups), 1}, Extent{8, 32, 1}, l.result(0), as("(const moments*)%s", part),
		pass(Int32(n.chunks)), pass(Int32(n.c)))
	return nil
}

func (l *lowering) bnApply() error {
	n := l.normalisation(maxBlocks)
	params := []param{l.result(0), l.operand(0), l.operand(1), l.operand(2), l.operand(3), optional(l.in.Residual)}
	l.launch(fmt.Sprintf("bn_apply<%d, %t>", n.v, l.in.ReLU), n.grid, n.block, append(append(params, n.extent()...), l.eps())...)
	return nil
}

func (l *lowering) bnReduce() error {
	n := l.normalisation(enoughBlocks)
	part := Arg(Address(l.in.Out[0]))
	if n.chunks > 1 {
		part = l.scratch(2 * n.groups * n.chunks * n.c)
	}
	params := []param{pass(part), l.operand(0), l.operand(1), l.operand(2), optional(l.in.Mask)}
	l.launch(fmt.Sprintf("bn_reduce<%d>", n.v), n.grid, n.block, append(append(params, n.extent()...), l.eps())...)
	if n.chunks > 1 {
		l.reduceCols(Address(l.in.Out[0]), value(part), n.groups, n.chunks, 2*n.c)
	}
	return nil
}

func (l *lowering) bnGrad() error {
	n := l.normalisation(maxBlocks)
	params := []param{l.result(0), l.result(1), l.operand(0), l.operand(1), l.operand(2), l.operand(3), l.operand(4), optional(l.in.Mask)}
	l.launch(fmt.Sprintf("bn_grad<%d>", n.v), n.grid, n.block, append(append(params, n.extent()...), l.eps())...)
	return nil
}
