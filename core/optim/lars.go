package optim

import (
	"math"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/sdk/expr"
)

// LARS is layer-wise adaptive rate scaling (You, Gitman and Ginsburg 2017) with SGD's momentum, in the form of
// the official VICReg, Barlow Twins and BYOL code. The learning rate stands outside the momentum:
//
//	g ← g + wd·p;  q = η‖p‖/‖g‖ (1 where a norm is 0);  v ← µ·v + q·g;  p ← p − lr·v
//
// One-dimensional tensors (biases, norms) are neither decayed nor adapted unless AdaptAll is set.
//
// Clip names the variant of solo-learn, which its small-data recipes use with η = 0.02: the norm of the plain
// gradient enters, q = min(η‖p‖/(‖g‖ + wd‖p‖ + 1e-8)/lr, 1), and a tensor with a zero norm is not decayed.
// The three published forms differ, so a recipe has to say which one it means.
type LARS struct {
	Momentum    float64 // µ
	WeightDecay float64 // wd
	Eta         float64 // trust coefficient η; 0 stands for the official 0.001
	Clip        bool    // solo-learn's form
	AdaptAll    bool    // decay and adapt one-dimensional tensors too (SwAV)
}

// officialEta is the trust coefficient of the official code and of LARS's paper.
const officialEta = 0.001

// clipEpsilon keeps solo-learn's denominator off zero.
const clipEpsilon = 1e-8

func (r LARS) check() error {
	return checkSettings(setting{"momentum", r.Momentum, 1}, setting{"weight_decay", r.WeightDecay, math.MaxFloat64},
		setting{"eta", r.Eta, math.MaxFloat64})
}

func (r LARS) slots() []string { return momentumSlots(r.Momentum) }

func (r LARS) step(p *kernel.Pool, t *tensor, lr float64, _ int) {
	u := update{lr: lr, momentum: r.Momentum, trust: 1}
	if !t.oneDim() || r.AdaptAll {
		u.decay, u.trust = r.adapt(p, t, lr)
	}
	u.apply(p, t)
}

// elementwise: a trust ratio comes of all of a tensor.
func (r LARS) elementwise(oneDim bool) bool { return oneDim && !r.AdaptAll }

func (r LARS) piece(isa kernel.ISA, t *tensor, first int, grad []float32, lr float64, _ int) {
	update{lr: lr, momentum: r.Momentum, trust: 1}.applyPiece(isa, t, first, grad)
}

func (r LARS) eta() float64 {
	if r.Eta == 0 {
		return officialEta
	}
	return r.Eta
}

// adapt finds weight decay and trust ratio from the norms of a tensor and its gradient.
func (r LARS) adapt(p *kernel.Pool, t *tensor, lr float64) (decay, trust float64) {
	eta := r.eta()
	inNorm := r.WeightDecay
	if r.Clip {
		inNorm = 0
	}
	p2, g2 := kernel.NormSquares(p, t.Value, t.Grad, float32(inNorm))
	pn, gn := math.Sqrt(p2), math.Sqrt(g2)
	zero := pn == 0 || gn == 0
	switch {
	case zero && r.Clip:
		return 0, 1
	case zero:
		return r.WeightDecay, 1
	case r.Clip:
		return r.WeightDecay, min(eta*pn/(gn+r.WeightDecay*pn+clipEpsilon)/lr, 1)
	default:
		return r.WeightDecay, eta * pn / gn
	}
}

func (r LARS) rates(lr float64, _ int) []float64 { return []float64{lr} }

func (r LARS) express(t symbols) (expr.Tensor, []expr.Tensor) {
	switch {
	case t.oneDim() && !r.AdaptAll:
		return t.descend(t.grad, r.Momentum, false)
	case r.Clip:
		return r.expressClipped(t)
	}
	g := t.decayed(r.WeightDecay)
	pn, gn := norm(t.value), norm(g)
	both := where(where(one(pn), pn), gn)
	trust := where(pn.Scale(r.eta()).Div(gn), both).Add(both.Affine(-1, 1))
	return t.descend(g.Mul(trust), r.Momentum, false)
}

func (r LARS) expressClipped(t symbols) (expr.Tensor, []expr.Tensor) {
	pn, gn := norm(t.value), norm(t.grad)
	both := where(where(one(pn), pn), gn) // 1 where neither norm is 0
	ratio := pn.Scale(r.eta()).Div(gn.Add(pn.Scale(r.WeightDecay)).Shift(clipEpsilon)).Div(t.rate(0))
	below := ratio.Affine(-1, 1) // above 0 where the ratio is less than 1
	least := where(ratio, below).Add(where(one(below), below).Affine(-1, 1))
	trust := where(least, both).Add(both.Affine(-1, 1))
	g := t.grad.Add(t.value.Mul(both.Scale(r.WeightDecay)))
	return t.descend(g.Mul(trust), r.Momentum, false)
}

// norm is the Euclidean norm of a tensor, a scalar.
func norm(x expr.Tensor) expr.Tensor { return x.Square().Sum().Sqrt() }
