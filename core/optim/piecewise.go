package optim

import "github.com/sslctl/sslctl/core/engine/cpu/kernel"

// A rule that moves each number by its own gradient alone can do its step by pieces, as the gradient is made, and saves to write
// and to read it. The bits are those of Step.

// Elementwise reports whether a rule's step on a tensor of that shape can be done by pieces.
func Elementwise(r Rule, shape []int) bool { return r.elementwise(len(shape) == 1) }

// Begin sets the learning rate of the next step, which Step is called for when all pieces are done, with the same rate.
func (o *Optimizer) Begin(lr float64) { o.rate = lr }

// Piecewise gives the function that does the step of a parameter without a gradient: it moves the elements from first on of which
// it is given the gradient. It may be called by several threads, for other elements each. nil where there is no such parameter.
func (o *Optimizer) Piecewise(isa kernel.ISA, name string) func(first int, grad []float32) {
	for _, t := range o.tensors {
		if t.Name == name && t.Grad == nil && o.rule.elementwise(t.oneDim()) {
			return func(first int, grad []float32) {
				o.rule.piece(isa, t, first, grad, o.rateOf(t.rate, o.rate), o.steps+1)
			}
		}
	}
	return nil
}

// Begin sets the momentum of the next step, as far as it is done by pieces.
func (a *Average) Begin(m float64) { a.momentum = m }

// Piecewise gives the function that does the step of the i-th pair for the elements [lo, hi), and leaves the pair out of Step.
func (a *Average) Piecewise(isa kernel.ISA, i int) func(lo, hi int) {
	pair := &a.pairs[i]
	pair.piecewise = true
	return func(lo, hi int) { kernel.EMAPiece(isa, pair.Target[lo:hi], pair.Online[lo:hi], float32(a.momentum)) }
}
