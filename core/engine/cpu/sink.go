package cpu

import (
	"fmt"
	"slices"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/sdk/expr"
)

// A Drain takes a piece of a sink's tensor, which begins at its element first, and changes the sink's inputs there. It is called
// from several threads at once, in each run once for each element. The piece is good until the call returns.
type Drain func(first int, piece []float32)

// Drain gives a sink of the plan its function: the sink that changes the input.
func (e *Executable) Drain(changes expr.Tensor, take Drain) error {
	id, ok := e.plan.Find(changes)
	for _, in := range e.plan.Instrs {
		if ok && in.Kind == engine.Sunk && slices.ContainsFunc(in.Out, func(out engine.ID) bool { return e.plan.Values[out].Store == id }) {
			e.drains[in.Out[0]] = take
			return nil
		}
	}
	return fmt.Errorf("drain: no sink of the plan changes the tensor of shape %v", changes.Shape())
}

// drained is an error where a sink has no function.
func (e *Executable) drained() error {
	for _, in := range e.plan.Instrs {
		if in.Kind == engine.Sunk && e.drains[in.Out[0]] == nil {
			return fmt.Errorf("run: nobody drains the sink of input %q", e.plan.Values[e.plan.Values[in.Out[0]].Store].Input)
		}
	}
	return nil
}

// piece is the size of the pieces in which a sink is given a tensor from memory: 64 kB.
const piece = 1 << 14

// sink hands over a tensor that is in memory.
func (e *Executable) sink(in engine.Instr) func() {
	task := func(_, task int) {
		data := e.data[in.In[0]]
		lo := task * piece
		e.drains[in.Out[0]](lo, data[lo:min(len(data), lo+piece)])
	}
	tasks := (e.shape(in.In[0]).TotalSize() + piece - 1) / piece
	return func() { e.pool.Run(tasks, task) }
}

// passing runs a product whose result the sink behind it takes as it is made.
func (e *Executable) passing(in, sink engine.Instr) func() {
	g := Product(e.plan, in)
	return func() {
		g.A, g.B = e.data[in.In[0]], e.data[in.In[1]]
		kernel.GemmPassing(e.pool, g, func(first int, piece []float32) { e.drains[sink.Out[0]](first, piece) })
	}
}
