package optim

import (
	"math"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/sdk/expr"
)

// Rule is how a parameter follows its gradient: [SGD], [LARS] or [AdamW]. The set is closed.
type Rule interface {
	check() error
	slots() []string                                       // names of the state that a parameter has
	step(p *kernel.Pool, t *tensor, lr float64, count int) // count is 1 at the first step
	// elementwise reports whether step moves each number of such a tensor by its own gradient alone.
	elementwise(oneDim bool) bool
	// piece is step, by the calling thread, for the elements from first on of which grad is the gradient. It is called for
	// elementwise tensors only.
	piece(isa kernel.ISA, t *tensor, first int, grad []float32, lr float64, count int)
	// rates are the numbers by which express says what changes from step to step.
	rates(lr float64, count int) []float64
	// express is step as expressions: the parameter's next value, and the next of each slot.
	express(t symbols) (value expr.Tensor, slots []expr.Tensor)
}

// SGD is stochastic gradient descent with momentum in torch's form:
//
//	g ← g + wd·p;  v ← µ·v + g;  p ← p − lr·v      (Nesterov: p ← p − lr·(g + µ·v))
//
// Decay applies to all parameters, biases and norms too, unless DecayMatricesOnly is set.
// Its state is torch's momentum_buffer.
type SGD struct {
	Momentum          float64 // µ
	Nesterov          bool
	WeightDecay       float64 // wd
	DecayMatricesOnly bool    // leave one-dimensional tensors undecayed
}

func (r SGD) check() error {
	if r.Nesterov && r.Momentum <= 0 {
		return fault.New(fault.Usage, "set optimizer.momentum, for example to 0.9", "Nesterov needs a momentum, it is %g", r.Momentum)
	}
	return checkSettings(setting{"momentum", r.Momentum, 1}, setting{"weight_decay", r.WeightDecay, math.MaxFloat64})
}

func (r SGD) slots() []string { return momentumSlots(r.Momentum) }

func (r SGD) step(p *kernel.Pool, t *tensor, lr float64, _ int) { r.update(t, lr).apply(p, t) }

func (r SGD) update(t *tensor, lr float64) update {
	u := update{lr: lr, momentum: r.Momentum, nesterov: r.Nesterov, trust: 1, decay: r.WeightDecay}
	if r.DecayMatricesOnly && t.oneDim() {
		u.decay = 0
	}
	return u
}

func (r SGD) elementwise(bool) bool { return true }

func (r SGD) piece(isa kernel.ISA, t *tensor, first int, grad []float32, lr float64, _ int) {
	r.update(t, lr).applyPiece(isa, t, first, grad)
}

func (r SGD) rates(lr float64, _ int) []float64 { return []float64{lr} }

func (r SGD) express(t symbols) (expr.Tensor, []expr.Tensor) {
	decay := r.WeightDecay
	if r.DecayMatricesOnly && t.oneDim() {
		decay = 0
	}
	return t.descend(t.decayed(decay), r.Momentum, r.Nesterov)
}

func momentumSlots(momentum float64) []string {
	if momentum == 0 {
		return nil
	}
	return []string{"momentum_buffer"}
}

// update is the step that SGD and LARS share: g ← trust·(g + decay·p), then SGD's momentum.
type update struct {
	lr, momentum, decay, trust float64
	nesterov                   bool
}

// apply changes the parameter. Without momentum there is no state: p ← (1 − lr·trust·decay)·p − lr·trust·g.
func (u update) apply(p *kernel.Pool, t *tensor) {
	if u.momentum == 0 {
		if u.decay != 0 {
			p.Scalar(kernel.Mul, t.Value, t.Value, float32(1-u.lr*u.trust*u.decay))
		}
		p.Axpy(t.Value, float32(-u.lr*u.trust), t.Grad)
		return
	}
	u.kernel().Update(p, t.Value, t.Grad, t.slots[0])
}

// applyPiece is apply for some elements.
func (u update) applyPiece(isa kernel.ISA, t *tensor, first int, grad []float32) {
	value := t.Value[first : first+len(grad)]
	if u.momentum == 0 {
		if u.decay != 0 {
			isa.Scalar(kernel.Mul, value, value, float32(1-u.lr*u.trust*u.decay))
		}
		isa.Axpy(value, float32(-u.lr*u.trust), grad)
		return
	}
	u.kernel().UpdatePiece(isa, value, grad, t.slots[0][first:first+len(grad)])
}

func (u update) kernel() kernel.SGD {
	return kernel.SGD{LR: float32(u.lr), Momentum: float32(u.momentum), WeightDecay: float32(u.decay), Scale: float32(u.trust), Nesterov: u.nesterov}
}

// setting is a number that must lie in [0, below).
type setting struct {
	name  string
	value float64
	below float64
}

func checkSettings(ss ...setting) error {
	for _, s := range ss {
		if !(s.value >= 0 && s.value < s.below) {
			return fault.New(fault.Usage, "see `sslctl config show` for where the value comes from", "optimizer.%s is %g, must be at least 0 and below %g", s.name, s.value, s.below)
		}
	}
	return nil
}
