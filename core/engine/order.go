package engine

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"

	"github.com/sslctl/sslctl/sdk/expr"
)

// order lists what the outputs need, operands before users; what they do not need is dead and left out. It is where
// Gorgonia's own nodes end: of those only the constant 1 and the addition that Grad injects are known.
func order(outputs []expr.Tensor) (*Plan, error) {
	p := &Plan{Outputs: outputs, ids: map[*gorgonia.Node]ID{}}
	for _, t := range outputs {
		if t.Node() == nil {
			return nil, fmt.Errorf("an output is no expression: %w", t.Builder().Err())
		}
		id, err := p.lower(t.Node())
		if err != nil {
			return nil, err
		}
		p.Values[id].Output = true
	}
	return p, nil
}

// lower appends a node after its operands. Depth is that of the network, some thousands at most.
func (p *Plan) lower(n *gorgonia.Node) (ID, error) {
	if id, done := p.ids[n]; done {
		return id, nil
	}
	if n.Op() == nil {
		id := p.add(n.Shape().Clone())
		p.Values[id].Input = n.Name()
		p.ids[n] = id
		return id, nil
	}
	in := Instr{Residual: none, Mask: none}
	children := expr.Children(n)
	for _, child := range children {
		id, err := p.lower(child)
		if err != nil {
			return none, err
		}
		in.In = append(in.In, id)
	}
	switch op := n.Op().(type) {
	case *expr.Op:
		in.Kind, in.Attrs, in.Op = op.Kind, op.Attrs, op
	case gorgonia.BinaryOp:
		if op.String() != "+ false" || !slices.Equal(children[0].Shape(), children[1].Shape()) {
			return none, fmt.Errorf("node %v: Gorgonia's op %q is not known", n, op)
		}
		in.Kind = expr.Add
	default:
		one, isFloat := constantOf(n)
		if !isFloat {
			return none, fmt.Errorf("node %v: op %v is not of the op set", n, n.Op())
		}
		in.Kind, in.Attrs.Alpha = Constant, one
	}
	id := p.add(n.Shape().Clone())
	in.Out = []ID{id}
	p.Instrs = append(p.Instrs, in)
	p.ids[n] = id
	return id, nil
}

func constantOf(n *gorgonia.Node) (float64, bool) {
	if n.Op() != nil && n.Op().Arity() != 0 || n.Value() == nil {
		return 0, false
	}
	v, ok := n.Value().Data().(float32)
	return float64(v), ok
}
