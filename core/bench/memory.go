package bench

import "github.com/sslctl/sslctl/core/engine/cpu/kernel"

// clearFloats is the number of floats that a task of operands.pass clears: 64 kB.
const clearFloats = 1 << 14

// operands are the tensors that a kernel reads and the one that it writes.
type operands struct {
	read  [2][]float32
	write []float32
}

// pass reads what the kernel reads and writes what it writes, once and in order, with hardly any arithmetic. No kernel that
// does the same work can be quicker: where its arithmetic takes less than this, memory is what it waits for.
func (o operands) pass(p *kernel.Pool) {
	for _, tensor := range o.read {
		p.Sum(tensor)
	}
	p.Run((len(o.write)+clearFloats-1)/clearFloats, func(_, task int) {
		clear(o.write[task*clearFloats : min(len(o.write), (task+1)*clearFloats)])
	})
}
