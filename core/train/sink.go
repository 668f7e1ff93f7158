package train

import (
	"slices"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/optim"
	"github.com/sslctl/sslctl/sdk/expr"
)

// On the CPU the optimiser moves a parameter, and the target's that follows it, while its gradient is made, where the rule needs no
// more of the gradient than the element itself. A step whose loss is not finite has then moved them already: such a run is
// beyond help, and its state is not saved.

// sink chooses the parameters that a rule moves so.
func (n *network) sink(rule optim.Rule) {
	n.sunk = map[string]bool{}
	for _, p := range n.model.Params {
		n.sunk[p.Name] = !p.Frozen && optim.Elementwise(rule, p.Shape)
	}
}

// sinks are those parameters' gradients with what they change.
func (n *network) sinks() []engine.Sink {
	tensors := map[string]expr.Tensor{}
	for _, p := range n.model.Params {
		tensors[p.Name] = p.Tensor
	}
	var sinks []engine.Sink
	for _, p := range n.model.Params {
		if !n.sunk[p.Name] {
			continue
		}
		s := engine.Sink{Value: p.Grad, Changes: []expr.Tensor{p.Tensor}}
		if at := n.follower(p.Name); at >= 0 {
			s.Changes = append(s.Changes, tensors[n.model.Pairs[at].Target])
		}
		sinks = append(sinks, s)
	}
	return sinks
}

// follower is the pair of the target's parameter that follows the named one; -1 where there is none.
func (n *network) follower(name string) int {
	return slices.IndexFunc(n.model.Pairs, func(p model.Pair) bool { return p.Online == name })
}

// drain lets the optimiser take the gradients.
func (n *network) drain(o *optimiser) error {
	for _, p := range n.model.Params {
		if !n.sunk[p.Name] {
			continue
		}
		if err := n.exe.(*cpu.Executable).Drain(p.Tensor, o.drain(p.Name, n.follower(p.Name))); err != nil {
			return err
		}
	}
	return nil
}

// drain is the step of a parameter, and of the average that follows it, by pieces.
func (o *optimiser) drain(name string, follower int) cpu.Drain {
	isa := o.pool.ISA()
	move := o.rule.Piecewise(isa, name)
	if follower < 0 {
		return move
	}
	follow := o.average.Piecewise(isa, follower)
	return func(first int, grad []float32) {
		move(first, grad)
		follow(first, first+len(grad))
	}
}
