package engine

import (
	"fmt"
	"slices"

	"github.com/sslctl/sslctl/sdk/expr"
)

// Sink uses a tensor up: while the device computes it, it hands the numbers, piece by piece, to a function of the caller's, which
// changes inputs by them. So an optimiser on the device's own memory takes a gradient as it is made, and the gradient need not be
// stored. All that a run computes comes of the inputs as they were at its start: a sink comes after all that reads what it
// changes. Only the CPU knows sinks.
type Sink struct {
	Value   expr.Tensor
	Changes []expr.Tensor // inputs; at least one, and none that an update or another sink changes
}

// Sunk is the instruction of a sink. Its results are the changed inputs, in their own memory.
const Sunk expr.Kind = "sink"

// orderSinks appends what the sinks need, and then the sinks.
func (p *Plan) orderSinks(sinks []Sink) error {
	var instrs []Instr
	for _, s := range sinks {
		if s.Value.Node() == nil || len(s.Changes) == 0 {
			return fmt.Errorf("a sink of shape %v is of no expression, or changes nothing", s.Value.Shape())
		}
		value, err := p.lower(s.Value.Node())
		if err != nil {
			return err
		}
		in := Instr{Kind: Sunk, In: []ID{value}, Residual: none, Mask: none}
		for _, t := range s.Changes {
			id, err := p.changed(t)
			if err != nil {
				return err
			}
			out := p.add(p.Values[id].Shape.Clone())
			p.Values[out].Store = id
			in.Out = append(in.Out, out)
		}
		instrs = append(instrs, in)
	}
	p.Instrs = append(p.Instrs, instrs...)
	return p.changedOnce()
}

// changed is the input that a sink changes.
func (p *Plan) changed(t expr.Tensor) (ID, error) {
	if t.Node() == nil || t.Node().Op() != nil {
		return none, fmt.Errorf("a sink changes a tensor of shape %v, which is no input", t.Shape())
	}
	return p.lower(t.Node())
}

// changedOnce is an error where an input is changed by more than one sink or update.
func (p *Plan) changedOnce() error {
	count := make([]int, len(p.Values))
	for _, u := range p.Updates {
		count[u.Input]++
	}
	for _, in := range p.Instrs {
		if in.Kind == Sunk {
			for _, id := range in.Out {
				count[p.Values[id].Store]++
			}
		}
	}
	if at := slices.IndexFunc(count, func(n int) bool { return n > 1 }); at >= 0 {
		return fmt.Errorf("input %q is changed twice", p.Values[at].Input)
	}
	return nil
}

// separateSinks computes a copy of a sink's operand that is an input or a view of one, which another sink may change.
func (p *Plan) separateSinks() {
	var instrs []Instr
	for _, in := range p.Instrs {
		if in.Kind == Sunk && p.Values[p.Values[in.In[0]].Store].Input != "" {
			out := p.add(p.Values[in.In[0]].Shape.Clone())
			instrs = append(instrs, Instr{Kind: expr.Affine, Attrs: expr.Attrs{Alpha: 1}, In: []ID{in.In[0]}, Out: []ID{out}, Residual: none, Mask: none})
			in.In = []ID{out}
		}
		instrs = append(instrs, in)
	}
	p.Instrs = instrs
}

// before lists the instructions after which a sink may come: what makes its operand, all that reads what it changes, and custom
// ops, which alone can fail.
func (p *Plan) before(sink int, readers [][]int, by []int) []int {
	in := p.Instrs[sink]
	at := slices.DeleteFunc([]int{by[in.In[0]], by[p.Values[in.In[0]].Store]}, func(made int) bool { return made < 0 }) // a view's
	at = append(at, p.customOps()...)
	for _, id := range in.Out {
		at = append(at, readers[p.Values[id].Store]...)
	}
	return at
}

// sinkEarly moves each sink right behind the last instruction that it must come after. A result that one sink alone reads, right
// behind the product that makes it, then needs no memory.
func (p *Plan) sinkEarly() {
	readers, by := p.Readers(), p.Producers()
	behind := make([][]Instr, len(p.Instrs))
	for i, in := range p.Instrs {
		if in.Kind != Sunk {
			continue
		}
		at, id := slices.Max(p.before(i, readers, by)), in.In[0]
		if made := p.Instrs[at]; made.Kind == expr.MatMul && made.Out[0] == id && !p.kept(id) && !p.viewed(id) && len(readers[id]) == 1 {
			p.Values[id].Passing = true
			behind[at] = slices.Insert(behind[at], 0, in)
		} else {
			behind[at] = append(behind[at], in)
		}
	}
	var instrs []Instr
	for i, in := range p.Instrs {
		if in.Kind != Sunk {
			instrs = append(append(instrs, in), behind[i]...)
		}
	}
	p.Instrs = instrs
}
