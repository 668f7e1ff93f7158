package cpu

import (
	"slices"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/sdk/expr"
)

// stagedOperands lists the bfloat16 values of an instruction whose kernel knows float32 only: what it reads, and what it
// writes. Chains convert block by block themselves.
func (e *Executable) stagedOperands(in engine.Instr) (reads, writes []engine.ID) {
	switch in.Kind {
	case engine.Fused, expr.Conv2D, expr.Conv2DGradX, expr.Conv2DGradW, expr.BNStats, expr.BNApply, expr.BNReduce, expr.BNGrad:
		return nil, nil
	}
	half := func(ids []engine.ID) []engine.ID {
		return slices.DeleteFunc(slices.Clone(ids), func(id engine.ID) bool { return e.plan.Values[id].Type == engine.Float32 })
	}
	reads = half(in.Reads())
	slices.Sort(reads)
	return slices.Compact(reads), half(in.Out)
}

// stagingSize is the memory in floats that the instruction with the largest bfloat16 operands needs.
func (e *Executable) stagingSize() (largest int) {
	for _, in := range e.plan.Instrs {
		reads, writes := e.stagedOperands(in)
		size := 0
		for _, id := range slices.Concat(reads, writes) {
			size += e.plan.Values[id].Size()
		}
		largest = max(largest, size)
	}
	return largest
}

// staged runs a kernel on copies in float32 of an instruction's bfloat16 operands.
func (e *Executable) staged(in engine.Instr, run func()) func() {
	reads, writes := e.stagedOperands(in)
	if len(reads)+len(writes) == 0 {
		return run
	}
	return func() {
		at := 0
		for _, id := range slices.Concat(reads, writes) {
			e.data[id] = e.staging[at : at+e.plan.Values[id].Size()]
			at += len(e.data[id])
		}
		for _, id := range reads {
			e.pool.Widen(e.data[id], e.halves[id])
		}
		run()
		for _, id := range writes {
			e.pool.Narrow(e.halves[id], e.data[id])
		}
		for _, id := range slices.Concat(reads, writes) {
			e.data[id] = nil
		}
	}
}
