// Package exprtest evaluates expressions in tests: [Eval] by the reference implementation of each op, [Tape] on Gorgonia's
// TapeMachine. Both take the values of inputs by name, flat and row-major, and return one slice for each output.
//
// They are for correctness, not for speed: every op is a plain loop.
package exprtest

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Eval computes outputs by walking the graph and calling [expr.Op.Compute]. Beside the op set it knows what Gorgonia's
// differentiation adds by itself: the scalar constant 1 and sums of gradients.
func Eval(inputs map[string][]float32, outputs ...expr.Tensor) ([][]float32, error) {
	e := evaluator{inputs: inputs, done: map[*gorgonia.Node][]float32{}}
	out := make([][]float32, len(outputs))
	for i, t := range outputs {
		if t.Node() == nil {
			return nil, fmt.Errorf("output %d is no expression; builder: %w", i, t.Builder().Err())
		}
		v, err := e.value(t.Node())
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

type evaluator struct {
	inputs map[string][]float32
	done   map[*gorgonia.Node][]float32
}

func (e *evaluator) value(n *gorgonia.Node) ([]float32, error) {
	if v, ok := e.done[n]; ok {
		return v, nil
	}
	v, err := e.compute(n)
	if err != nil {
		return nil, err
	}
	e.done[n] = v
	return v, nil
}

func (e *evaluator) compute(n *gorgonia.Node) ([]float32, error) {
	var operands [][]float32
	for _, child := range expr.Children(n) {
		v, err := e.value(child)
		if err != nil {
			return nil, err
		}
		operands = append(operands, v)
	}
	out := make([]float32, n.Shape().TotalSize())
	switch op := n.Op().(type) {
	case nil:
		return given(e.inputs, n)
	case *expr.Op:
		return out, op.Compute(out, operands)
	default:
		return out, injected(n, out, operands)
	}
}

// given is the value of an input.
func given(inputs map[string][]float32, n *gorgonia.Node) ([]float32, error) {
	v, ok := inputs[n.Name()]
	if !ok {
		return nil, fmt.Errorf("no value for the input %q", n.Name())
	}
	if len(v) != n.Shape().TotalSize() {
		return nil, fmt.Errorf("input %q has the shape %v, given are %d numbers", n.Name(), n.Shape(), len(v))
	}
	return v, nil
}

// injected computes a node that gorgonia.Grad made.
func injected(n *gorgonia.Node, out []float32, operands [][]float32) error {
	if op, ok := n.Op().(gorgonia.BinaryOp); ok && op.String() == "+ false" {
		for i := range out {
			out[i] = operands[0][i] + operands[1][i]
		}
		return nil
	}
	if one, ok := n.Value().(*gorgonia.F32); ok && n.Op().Arity() == 0 {
		out[0] = float32(*one)
		return nil
	}
	return fmt.Errorf("unknown op %T %q", n.Op(), n.Op())
}

// Tape computes outputs on Gorgonia's TapeMachine, which runs the whole graph. The builder is not of use afterwards.
func Tape(inputs map[string][]float32, outputs ...expr.Tensor) ([][]float32, error) {
	b := outputs[0].Builder()
	if b.Err() != nil {
		return nil, b.Err()
	}
	for _, t := range b.Inputs() {
		v, err := given(inputs, t.Node())
		if err != nil {
			return nil, err
		}
		var value gorgonia.Value = tensor.New(tensor.WithShape(t.Shape()...), tensor.WithBacking(append([]float32(nil), v...)))
		if len(t.Shape()) == 0 {
			value = gorgonia.NewF32(v[0])
		}
		if err := gorgonia.Let(t.Node(), value); err != nil {
			return nil, fmt.Errorf("bind %q: %w", t.Node().Name(), err)
		}
	}
	values := make([]gorgonia.Value, len(outputs))
	for i, t := range outputs {
		gorgonia.Read(t.Node(), &values[i])
	}
	machine := gorgonia.NewTapeMachine(b.Graph())
	defer machine.Close()
	if err := machine.RunAll(); err != nil {
		return nil, fmt.Errorf("run the tape: %w", err)
	}
	out := make([][]float32, len(outputs))
	for i, v := range values {
		switch d := v.Data().(type) {
		case []float32:
			out[i] = append([]float32(nil), d...)
		case float32:
			out[i] = []float32{d}
		default:
			return nil, fmt.Errorf("output %d is %T", i, d)
		}
	}
	return out, nil
}
