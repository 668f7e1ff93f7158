package kernel

import "math"

// SGD is stochastic gradient descent with momentum, as in PyTorch with dampening zero:
//
//	d = Scale * (dw + WeightDecay*w)
//	v = Momentum*v + d
//	w = w - LR*v, or w - LR*(d + Momentum*v) with Nesterov
//
// v starts at zero. Scale is one for SGD; LARS (You et al. 2017) puts its trust ratio there.
type SGD struct {
	LR, Momentum, WeightDecay, Scale float32
	Nesterov                         bool
}

// Update makes a step with the gradient dw; w and v are changed in place.
func (s SGD) Update(p *Pool, w, dw, v []float32) {
	u := p.takeUpdate()
	u.rule, u.sgd, u.w, u.dw, u.v = sgdRule, s, w, dw, v
	p.runUpdate(u)
}

// UpdatePiece is Update by the calling thread alone, for a few elements.
func (s SGD) UpdatePiece(isa ISA, w, dw, v []float32) { isa.sgd(s, w, dw, v) }

func (i ISA) sgd(s SGD, w, dw, v []float32) {
	if i.sgdFast(s, w, dw, v) {
		return
	}
	for k, x := range w {
		d := (dw[k] + x*s.WeightDecay) * s.Scale
		v[k] = s.Momentum*v[k] + d
		if s.Nesterov {
			d += s.Momentum * v[k]
		} else {
			d = v[k]
		}
		w[k] = x - s.LR*d
	}
}

// NormSquares returns |w|² and |dw + decay*w|², from which LARS forms its trust ratio.
func NormSquares(p *Pool, w, dw []float32, decay float32) (w2, d2 float64) {
	w2 = p.SumSquares(w)
	b := float64(decay)
	if d2 = p.SumSquares(dw[:len(w)]); b != 0 {
		d2 = max(0, d2+2*b*p.Dot(w, dw)+b*b*w2)
	}
	return w2, d2
}

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019), as in PyTorch:
//
//	m = Beta1*m + (1-Beta1)*dw
//	v = Beta2*v + (1-Beta2)*dw²
//	w = (1 - LR*WeightDecay)*w - LR * m/(1-Beta1^Step) / (√(v/(1-Beta2^Step)) + Eps)
//
// m and v start at zero, and Step counts from one.
type AdamW struct {
	LR, Beta1, Beta2, Eps, WeightDecay float32
	Step                               int
}

// Update makes a step with the gradient dw; w, m and v are changed in place.
func (a AdamW) Update(p *Pool, w, dw, m, v []float32) {
	u := p.takeUpdate()
	u.rule, u.adamW, u.w, u.dw, u.m, u.v = adamWRule, a.coefficients(), w, dw, m, v
	p.runUpdate(u)
}

// UpdatePiece is Update by the calling thread alone, for a few elements.
func (a AdamW) UpdatePiece(isa ISA, w, dw, m, v []float32) { isa.adamW(a.coefficients(), w, dw, m, v) }

// adamCoefficients is AdamW at one step: w = keep*w - rate*m/(root*√v + eps).
type adamCoefficients struct {
	beta1, rest1, beta2, rest2, rate, root, eps, keep float32
}

func (a AdamW) coefficients() adamCoefficients {
	b1, b2, n := float64(a.Beta1), float64(a.Beta2), float64(a.Step)
	return adamCoefficients{
		beta1: a.Beta1, rest1: float32(1 - b1), beta2: a.Beta2, rest2: float32(1 - b2),
		rate: float32(float64(a.LR) / (1 - math.Pow(b1, n))),
		root: float32(1 / math.Sqrt(1-math.Pow(b2, n))),
		eps:  a.Eps,
		keep: float32(1 - float64(a.LR)*float64(a.WeightDecay)),
	}
}

func (i ISA) adamW(c adamCoefficients, w, dw, m, v []float32) {
	if i.adamWFast(c, w, dw, m, v) {
		return
	}
	for k, d := range dw {
		m[k] = c.beta1*m[k] + c.rest1*d
		v[k] = c.beta2*v[k] + c.rest2*d*d
		w[k] = c.keep*w[k] - c.rate*m[k]/(c.root*float32(math.Sqrt(float64(v[k])))+c.eps)
	}
}

// EMA moves t towards o: t = m*t + (1-m)*o, the target network's update with momentum m.
func EMA(p *Pool, t, o []float32, m float32) {
	u := p.takeUpdate()
	u.rule, u.keep, u.rest, u.w, u.dw = emaRule, m, float32(1-float64(m)), t, o
	p.runUpdate(u)
}

// EMAPiece is EMA by the calling thread alone, for a few elements.
func EMAPiece(isa ISA, t, o []float32, m float32) { isa.ema(t, o, m, float32(1-float64(m))) }

func (i ISA) ema(t, o []float32, keep, rest float32) {
	if i.emaFast(t, o, keep, rest) {
		return
	}
	for k, x := range o {
		t[k] = keep*t[k] + rest*x
	}
}
