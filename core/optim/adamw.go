package optim

import (
	"math"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/sdk/expr"
)

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019) in torch's form, at step t = 1, 2, ...:
//
//	p ← (1 − lr·wd)·p
//	m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²
//	p ← p − lr/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε)
//
// Decay applies to all parameters unless DecayMatricesOnly is set.
// Its state is torch's exp_avg and exp_avg_sq for each parameter and one step count.
type AdamW struct {
	Beta1, Beta2      float64 // 0 stands for torch's 0.9 and 0.999
	Epsilon           float64 // 0 stands for torch's 1e-8
	WeightDecay       float64 // wd
	DecayMatricesOnly bool    // leave one-dimensional tensors undecayed
}

func (r AdamW) check() error {
	return checkSettings(setting{"beta1", r.Beta1, 1}, setting{"beta2", r.Beta2, 1},
		setting{"epsilon", r.Epsilon, math.MaxFloat64}, setting{"weight_decay", r.WeightDecay, math.MaxFloat64})
}

func (r AdamW) slots() []string { return []string{"exp_avg", "exp_avg_sq"} }

func (r AdamW) step(p *kernel.Pool, t *tensor, lr float64, count int) {
	r.kernel(t, lr, count).Update(p, t.Value, t.Grad, t.slots[0], t.slots[1])
}

func (r AdamW) kernel(t *tensor, lr float64, count int) kernel.AdamW {
	r = r.withDefaults()
	if r.DecayMatricesOnly && t.oneDim() {
		r.WeightDecay = 0
	}
	return kernel.AdamW{LR: float32(lr), Beta1: float32(r.Beta1), Beta2: float32(r.Beta2), Eps: float32(r.Epsilon),
		WeightDecay: float32(r.WeightDecay), Step: count}
}

func (r AdamW) elementwise(bool) bool { return true }

func (r AdamW) piece(isa kernel.ISA, t *tensor, first int, grad []float32, lr float64, count int) {
	end := first + len(grad)
	r.kernel(t, lr, count).UpdatePiece(isa, t.Value[first:end], grad, t.slots[0][first:end], t.slots[1][first:end])
}

// rates are lr/(1−β₁ᵗ), 1/√(1−β₂ᵗ) and 1 − lr·wd.
func (r AdamW) rates(lr float64, count int) []float64 {
	r, t := r.withDefaults(), float64(count)
	return []float64{lr / (1 - math.Pow(rounded(r.Beta1), t)), 1 / math.Sqrt(1-math.Pow(rounded(r.Beta2), t)), 1 - lr*r.WeightDecay}
}

func (r AdamW) express(t symbols) (expr.Tensor, []expr.Tensor) {
	r = r.withDefaults()
	b1, b2 := rounded(r.Beta1), rounded(r.Beta2)
	m := t.slots[0].Scale(b1).Add(t.grad.Scale(1 - b1))
	v := t.slots[1].Scale(b2).Add(t.grad.Square().Scale(1 - b2))
	p := t.value
	if r.WeightDecay > 0 && (!r.DecayMatricesOnly || !t.oneDim()) {
		p = p.Mul(t.rate(2))
	}
	return p.Sub(m.Mul(t.rate(0)).Div(v.Sqrt().Mul(t.rate(1)).Shift(r.Epsilon))), []expr.Tensor{m, v}
}

// rounded is a coefficient as the kernel has it, in float32.
func rounded(v float64) float64 { return float64(float32(v)) }

func (r AdamW) withDefaults() AdamW {
	if r.Beta1 == 0 {
		r.Beta1 = 0.9
	}
	if r.Beta2 == 0 {
		r.Beta2 = 0.999
	}
	if r.Epsilon == 0 {
		r.Epsilon = 1e-8
	}
	return r
}
