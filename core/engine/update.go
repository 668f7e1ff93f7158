package engine

import (
	"fmt"
	"slices"

	"github.com/sslctl/sslctl/sdk/expr"
)

// Update gives an input the value of a tensor at the end of each run: a parameter, its optimiser's state, a running
// statistic. All that a run computes comes of the inputs as they were at its start; whoever reads the input afterwards, or an
// output that is the input itself or a view of it, sees the new value.
type Update struct{ Input, Value expr.Tensor }

// Assignment is an [Update] of a plan. Where the value's store is the input, it was computed there; elsewhere the device
// copies it when all instructions are done, in the order of the plan.
type Assignment struct {
	Input, Value ID
	Of           Update
}

// Slot is the input that a tensor is, to which so many numbers are bound or, for inputs that a plan updates, held.
func (p *Plan) Slot(t expr.Tensor, numbers int, held bool) (ID, error) {
	id, ok := p.Find(t)
	if !ok || p.Values[id].Input == "" {
		return none, fmt.Errorf("tensor of shape %v is no input of the plan", t.Shape())
	}
	v := p.Values[id]
	if numbers != v.Size() {
		return none, fmt.Errorf("input %q: %d numbers for the shape %v", v.Input, numbers, v.Shape)
	}
	if !held && p.Updated(id) {
		return none, fmt.Errorf("input %q is updated by the plan: hold it", v.Input)
	}
	return id, nil
}

// Updated reports whether an input takes a new value at the end of a run.
func (p *Plan) Updated(input ID) bool {
	return slices.ContainsFunc(p.Updates, func(a Assignment) bool { return a.Input == input })
}

// orderUpdates appends what the updates need.
func (p *Plan) orderUpdates(updates []Update) error {
	updated := map[ID]bool{}
	for _, u := range updates {
		if u.Input.Node() == nil || u.Value.Node() == nil || u.Input.Node().Op() != nil {
			return fmt.Errorf("an update of shape %v is not of an input, or by no expression", u.Value.Shape())
		}
		in, err := p.lower(u.Input.Node())
		if err != nil {
			return err
		}
		value, err := p.lower(u.Value.Node())
		if err != nil {
			return err
		}
		switch name := p.Values[in].Input; {
		case updated[in]:
			return fmt.Errorf("input %q is updated twice", name)
		case !slices.Equal(p.Values[in].Shape, p.Values[value].Shape):
			return fmt.Errorf("input %q of shape %v is updated by shape %v", name, p.Values[in].Shape, p.Values[value].Shape)
		}
		updated[in] = true
		p.Values[value].Output = true
		p.Updates = append(p.Updates, Assignment{in, value, u})
	}
	return nil
}

// separateUpdates drops updates of an input by itself, and computes a copy of those by another input or a view of one, which
// may have changed by the end of the run.
func (p *Plan) separateUpdates() {
	kept := p.Updates[:0]
	for _, u := range p.Updates {
		store := p.Values[u.Value].Store
		if store == u.Input {
			continue
		}
		if p.Values[store].Input != "" {
			out := p.add(p.Values[u.Value].Shape.Clone())
			p.Values[out].Output = true
			p.Instrs = append(p.Instrs, Instr{Kind: expr.Affine, Attrs: expr.Attrs{Alpha: 1}, In: []ID{u.Value}, Out: []ID{out}, Residual: none, Mask: none})
			u.Value = out
		}
		kept = append(kept, u)
	}
	p.Updates = kept
}

// FirstUpdate is the first instruction that writes over an input; len(p.Instrs) where none does. From there a run must go
// on to its end, or the inputs would be a mixture of old and new.
func (p *Plan) FirstUpdate() int {
	for i, in := range p.Instrs {
		for _, id := range in.Out {
			if p.Values[p.Values[id].Store].Input != "" {
				return i
			}
		}
	}
	return len(p.Instrs)
}

// postponeUpdates lets the instruction that makes an update's value run after all others that read the input, and after all
// custom ops, which alone can fail: so most updates can be written over the input, and a failed run has changed none.
func (p *Plan) postponeUpdates() {
	if len(p.Updates) == 0 {
		return
	}
	readers, by := p.Readers(), p.Producers()
	after := make([][]int, len(p.Instrs))
	for _, u := range p.Updates {
		if i := by[u.Value]; p.Instrs[i].Kind == Fused {
			after[i] = append(after[i], p.customOps()...)
			for _, j := range readers[u.Input] {
				if j != i {
					after[i] = append(after[i], j)
				}
			}
		}
	}
	p.schedule(after)
	p.gather()
	p.updateInPlace()
}

// customOps lists the instructions that plugins compute.
func (p *Plan) customOps() []int {
	var at []int
	for i, in := range p.Instrs {
		if in.Custom() {
			at = append(at, i)
		}
	}
	return at
}

// updateInPlace makes the input the store of an update's value, where a chain computes the value of the input and
// nobody reads the old one afterwards.
func (p *Plan) updateInPlace() {
	by, last := p.Producers(), make([]int, len(p.Values))
	for i, in := range p.Instrs {
		for _, id := range in.Reads() {
			last[p.Values[id].Store] = i
		}
	}
	safe := -1 // the last instruction that can fail
	if at := p.customOps(); len(at) > 0 {
		safe = at[len(at)-1]
	}
	for _, u := range p.Updates {
		i := by[u.Value]
		in := p.Instrs[i]
		if in.Kind == Fused && i > safe && last[u.Input] <= i && p.Values[u.Value].Store == u.Value && !p.viewed(u.Value) && p.soleOperand(in.Chain, u.Input) {
			p.Values[u.Value].Store = u.Input
		}
	}
}

// soleOperand reports whether a chain reads a store by one operand alone, and that element for element.
func (p *Plan) soleOperand(c *Chain, store ID) bool {
	count := 0
	for _, in := range c.Inputs {
		if p.Values[in.Value].Store == store {
			if in.Repeat != Full {
				return false
			}
			count++
		}
	}
	return count == 1
}
