package kernel

// update is one rule's step over one tensor, block by block. Pools keep them, so that a step allocates nothing.
type update struct {
	isa         ISA
	rule        updateRule
	sgd         SGD
	adamW       adamCoefficients
	keep, rest  float32 // of a moving average
	w, dw, m, v []float32
	task        func(worker, task int)
}

type updateRule uint8

const (
	sgdRule updateRule = iota
	adamWRule
	emaRule // w follows dw
)

func (u *update) block(_, task int) {
	lo, hi := spanSize(len(u.w), blockFloats, task)
	switch u.rule {
	case sgdRule:
		u.isa.sgd(u.sgd, u.w[lo:hi], u.dw[lo:hi], u.v[lo:hi])
	case adamWRule:
		u.isa.adamW(u.adamW, u.w[lo:hi], u.dw[lo:hi], u.m[lo:hi], u.v[lo:hi])
	case emaRule:
		u.isa.ema(u.w[lo:hi], u.dw[lo:hi], u.keep, u.rest)
	}
}

func (p *Pool) takeUpdate() *update {
	p.callMu.Lock()
	defer p.callMu.Unlock()
	n := len(p.updates)
	if n == 0 {
		u := &update{isa: p.isa}
		u.task = u.block
		return u
	}
	u := p.updates[n-1]
	p.updates = p.updates[:n-1]
	return u
}

// runUpdate does the update and keeps its memory.
func (p *Pool) runUpdate(u *update) {
	p.Run(parts(len(u.w), blockFloats), u.task)
	u.w, u.dw, u.m, u.v = nil, nil, nil, nil
	p.callMu.Lock()
	defer p.callMu.Unlock()
	p.updates = append(p.updates, u)
}
