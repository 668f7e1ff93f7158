package optim

import (
	"fmt"
	"slices"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/sdk/expr"
)

// Expressed is an optimiser's step as updates of a plan: a device that has memory of its own then keeps parameters and state
// there and moves them itself. The optimiser still holds the state for checkpoints, and counts the steps.
type Expressed struct {
	// Updates give each parameter and each slot of the state its next value. The last parameters come first: gradients are
	// made in that order, and each is used up as soon as it is there.
	Updates []engine.Update
	// Held are the inputs of the state with the optimiser's memory, for engine.Executable's Hold and Fetch.
	Held []Memory
	// Bound are the inputs that change from step to step, for Bind; Set fills them.
	Bound []Memory

	opt   *Optimizer
	next  map[string]expr.Tensor
	rates []*rateInputs
}

// Memory is an input of a graph with its memory.
type Memory struct {
	Input expr.Tensor
	Data  []float32
}

// rateInputs are the numbers that the tensors of one rate share.
type rateInputs struct {
	rate   Rate
	number int
	inputs []expr.Tensor // zero Tensors where no expression asked for one
	data   []float32
}

// Express writes the step into the graph of the parameters: of gives the input and the gradient of a parameter by its name.
// It fails where the builder does.
func (o *Optimizer) Express(b *expr.Builder, of func(name string) (value, grad expr.Tensor)) (*Expressed, error) {
	e := &Expressed{opt: o, next: map[string]expr.Tensor{}}
	for _, t := range o.tensors {
		s := symbols{tensor: t, e: e, b: b, shared: e.sharedBy(t.rate)}
		s.value, s.grad = of(t.Name)
		for i, slot := range o.rule.slots() {
			in := b.Input("optimizer."+slot+"."+t.Name, t.Shape...)
			s.slots = append(s.slots, in)
			e.Held = append(e.Held, Memory{in, t.slots[i]})
		}
		value, slots := o.rule.express(s)
		for i, next := range slots {
			e.Updates = append(e.Updates, engine.Update{Input: s.slots[i], Value: next})
		}
		e.Updates = append(e.Updates, engine.Update{Input: s.value, Value: value})
		e.next[t.Name] = value
	}
	if b.Err() != nil {
		return nil, fmt.Errorf("express the optimiser: %w", b.Err())
	}
	slices.Reverse(e.Updates)
	return e, nil
}

// sharedBy are the numbers of a rate.
func (e *Expressed) sharedBy(rate Rate) *rateInputs {
	rate = Rate{Scale: rate.Scale, Fixed: rate.Fixed}
	for _, known := range e.rates {
		if known.rate == rate {
			return known
		}
	}
	n := len(e.opt.rule.rates(0, 1))
	r := &rateInputs{rate: rate, number: len(e.rates), inputs: make([]expr.Tensor, n), data: make([]float32, n)}
	e.rates = append(e.rates, r)
	return r
}

// Next is the value that a parameter takes by the step.
func (e *Expressed) Next(name string) expr.Tensor { return e.next[name] }

// Set fills the memory of Bound for the nth step, counted from 1, as [Optimizer.Step] takes lr.
func (e *Expressed) Set(lr float64, n int) {
	for _, r := range e.rates {
		for i, v := range e.opt.rule.rates(e.opt.rateOf(r.rate, lr), n) {
			r.data[i] = float32(v)
		}
	}
}

// Done counts a step of the plan as taken.
func (e *Expressed) Done() { e.opt.steps++ }

// symbols are a parameter as a rule expresses its step.
type symbols struct {
	*tensor
	value, grad expr.Tensor
	slots       []expr.Tensor

	e      *Expressed
	b      *expr.Builder
	shared *rateInputs
}

// rate is a number of the rule's rates, a scalar input that is made at the first request.
func (t symbols) rate(i int) expr.Tensor {
	r := t.shared
	if r.inputs[i].Builder() == nil {
		r.inputs[i] = t.b.Input(fmt.Sprintf("optimizer.rate%d.%d", r.number, i))
		t.e.Bound = append(t.e.Bound, Memory{r.inputs[i], r.data[i : i+1]})
	}
	return r.inputs[i]
}

// decayed is g + decay·p.
func (t symbols) decayed(decay float64) expr.Tensor {
	if decay == 0 {
		return t.grad
	}
	return t.grad.Add(t.value.Scale(decay))
}

// descend is SGD along g at the first of the rates, as [update.apply] does it.
func (t symbols) descend(g expr.Tensor, momentum float64, nesterov bool) (expr.Tensor, []expr.Tensor) {
	lr := t.rate(0)
	if momentum == 0 {
		return t.value.Sub(g.Mul(lr)), nil
	}
	v := t.slots[0].Scale(momentum).Add(g)
	along := v
	if nesterov {
		along = g.Add(v.Scale(momentum))
	}
	return t.value.Sub(along.Mul(lr)), []expr.Tensor{v}
}

// where is x where y is above 0, and 0 elsewhere, whatever x is there.
func where(x, y expr.Tensor) expr.Tensor { return x.Builder().Apply(expr.ReLUGrad, expr.Attrs{}, x, y) }

// one is 1 in the shape of x.
func one(x expr.Tensor) expr.Tensor { return x.Affine(0, 1) }
