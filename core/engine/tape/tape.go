// Package tape runs plans on Gorgonia's own TapeMachine with the reference implementation of each op: slow, and the oracle
// for every other device (`--device tapemachine`).
package tape

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/sdk/expr"
)

// Device is the TapeMachine.
type Device struct{}

var _ engine.Device = Device{}

// Name is "tapemachine".
func (Device) Name() string { return "tapemachine" }

// Close does nothing.
func (Device) Close() {}

// Load prepares the part of the graph that the plan's outputs need, as it was written: unfused, with the op set's own
// implementations. It adds a reading node to the graph for each output.
func (Device) Load(p *engine.Plan) (engine.Executable, error) {
	if slices.ContainsFunc(p.Instrs, func(in engine.Instr) bool { return in.Kind == engine.Sunk }) {
		return nil, errors.New("the TapeMachine has no sinks")
	}
	e := &executable{plan: p, inputs: map[*gorgonia.Node][]float32{}, outputs: map[*gorgonia.Node]*gorgonia.Value{},
		results: map[*gorgonia.Node][]float32{}}
	var roots gorgonia.Nodes
	wanted := slices.Clone(p.Outputs)
	for _, u := range p.Updates {
		wanted = append(wanted, u.Of.Value)
	}
	for _, t := range wanted {
		n := t.Node()
		if n.Op() == nil || e.outputs[n] != nil {
			continue
		}
		e.outputs[n] = new(gorgonia.Value)
		e.results[n] = make([]float32, n.Shape().TotalSize())
		roots = append(roots, gorgonia.Read(n, e.outputs[n]))
	}
	if len(roots) == 0 {
		return e, nil
	}
	graph := roots[0].Graph().ExactSubgraphRoots(roots...)
	for _, n := range graph.AllNodes() {
		if n.Op() == nil {
			e.reads = append(e.reads, n)
		}
	}
	e.machine = gorgonia.NewTapeMachine(graph)
	return e, nil
}

type executable struct {
	plan    *engine.Plan
	reads   gorgonia.Nodes // inputs that the outputs need
	inputs  map[*gorgonia.Node][]float32
	outputs map[*gorgonia.Node]*gorgonia.Value
	results map[*gorgonia.Node][]float32 // the outputs' memory, the same at each run
	machine machine
}

// machine is the part of Gorgonia's unexported type that is used.
type machine interface {
	RunAll() error
	Reset()
}

func (e *executable) Bind(t expr.Tensor, data []float32) error {
	if _, err := e.plan.Slot(t, len(data), false); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	e.inputs[t.Node()] = data
	return nil
}

func (e *executable) Hold(t expr.Tensor, data []float32) error {
	if _, err := e.plan.Slot(t, len(data), true); err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	e.inputs[t.Node()] = data
	return nil
}

// Fetch does nothing: inputs are updated in the memory by which they are held.
func (e *executable) Fetch(context.Context) error { return nil }

// Close does nothing: memory is Go's.
func (e *executable) Close() {}

func (e *executable) Run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := e.compute(); err != nil {
		return err
	}
	e.update()
	return nil
}

// update gives inputs their new values: first all of those that are other inputs' values, which may be updated themselves.
func (e *executable) update() {
	values := make([][]float32, len(e.plan.Updates))
	for i, u := range e.plan.Updates {
		values[i] = e.Read(u.Of.Value)
		if u.Of.Value.Node().Op() == nil {
			values[i] = slices.Clone(values[i])
		}
	}
	for i, u := range e.plan.Updates {
		copy(e.inputs[u.Of.Input.Node()], values[i])
	}
}

// compute fills the outputs' memory.
func (e *executable) compute() error {
	for _, n := range e.reads {
		data, bound := e.inputs[n]
		if !bound {
			return fmt.Errorf("run: input %q is not bound", n.Name())
		}
		// The machine gets a copy: it keeps inputs across runs.
		var value any = data[0]
		if n.Shape().Dims() > 0 {
			value = tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(slices.Clone(data)))
		}
		if err := gorgonia.Let(n, value); err != nil {
			return fmt.Errorf("run: input %q: %w", n.Name(), err)
		}
	}
	if e.machine == nil {
		return nil
	}
	e.machine.Reset()
	if err := e.machine.RunAll(); err != nil {
		return fmt.Errorf("tapemachine: %w", err)
	}
	for n, value := range e.outputs {
		switch d := (*value).Data().(type) {
		case []float32:
			copy(e.results[n], d)
		case float32:
			e.results[n][0] = d
		default:
			return fmt.Errorf("tapemachine: output of type %T", d)
		}
	}
	return nil
}

func (e *executable) Read(t expr.Tensor) []float32 {
	if data, isInput := e.inputs[t.Node()]; isInput {
		return data
	}
	return e.results[t.Node()]
}
