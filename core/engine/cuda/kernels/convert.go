package kernels

import "github.com/sslctl/sslctl/core/engine"

// Buffer is device memory beside the values of a plan, by a number that its owner gives. It is aligned to 16 bytes.
type Buffer struct {
	Number int
	Type   engine.DType // of its elements
}

func (b Buffer) cType(*engine.Plan) string { return cTypes[b.Type] + "*" }

// Transposed writes from [rows, cols] to to [cols, rows], in to's storage type.
func Transposed(p *engine.Plan, to, from Arg, rows, cols int) Lowered {
	l := &lowering{p: p}
	l.launch("transpose", line(ceilDiv(rows, 32)*ceilDiv(cols, 32)), Extent{32, 8, 1}, pass(to), pass(from), pass(Int32(rows)), pass(Int32(cols)))
	return l.out
}

// Converted writes n elements of from to to, in to's storage type.
func Converted(p *engine.Plan, to, from Arg, n int) Lowered {
	l := &lowering{p: p}
	l.elementwise(identity, to, n, as("full(%s)", from))
	return l.out
}
