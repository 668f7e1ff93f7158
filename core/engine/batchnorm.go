package engine

import "github.com/sslctl/sslctl/sdk/expr"

// fuseBatchNorm saves passes over activations around batch norm:
//
//	relu(bn_apply(x))            -> one pass
//	relu(bn_apply(x) + shortcut) -> one pass
//	bn_reduce, bn_grad of relu_grad(g, y) -> the mask is applied as g is read; where others need the masked gradient too,
//	                                          bn_grad writes it beside its own result
func (p *Plan) fuseBatchNorm() {
	p.fuseActivation()
	p.fuseMask()
}

func (p *Plan) fuseActivation() {
	count, by := p.readers(), p.Producers()
	gone := make([]bool, len(p.Instrs))
	for i := range p.Instrs {
		relu := &p.Instrs[i]
		if relu.Kind != expr.ReLU {
			continue
		}
		bn, residual := p.normalisation(relu.In[0], count, by)
		if bn < 0 {
			continue
		}
		// The fused instruction stands where the activation stood: its operands are all computed by then.
		fused := p.Instrs[bn]
		fused.ReLU, fused.Residual, fused.Out = true, residual, relu.Out
		if residual != none {
			gone[by[relu.In[0]]] = true
		}
		gone[bn] = true
		p.Instrs[i] = fused
	}
	p.drop(gone)
}

// normalisation finds the bn_apply whose result, alone or with a residual added, is x and nothing else; -1 if none.
func (p *Plan) normalisation(x ID, count, by []int) (bn int, residual ID) {
	if by[x] < 0 || count[x] != 1 {
		return -1, none
	}
	switch in := p.Instrs[by[x]]; in.Kind {
	case expr.BNApply:
		return by[x], none
	case expr.Add:
		for i, operand := range in.In {
			at := by[operand]
			if at >= 0 && p.Instrs[at].Kind == expr.BNApply && count[operand] == 1 && !p.Instrs[at].ReLU {
				return at, in.In[1-i]
			}
		}
	}
	return -1, none
}

func (p *Plan) fuseMask() {
	by := p.Producers()
	users := make([][]int, len(p.Values))
	for i, in := range p.Instrs {
		for _, id := range in.Reads() {
			users[id] = append(users[id], i)
		}
	}
	gone := make([]bool, len(p.Instrs))
	for i := range p.Instrs {
		mask := p.Instrs[i]
		if mask.Kind != expr.ReLUGrad || p.Values[mask.Out[0]].Output || p.viewed(mask.Out[0]) {
			continue
		}
		masked := mask.Out[0]
		reduce, grad := p.gradientPair(masked, users[masked])
		if reduce < 0 {
			continue
		}
		for _, at := range []int{reduce, grad} {
			p.Instrs[at].In[0], p.Instrs[at].Mask = mask.In[0], mask.In[1]
		}
		gone[i] = true
		if len(users[masked]) > 2 {
			p.Instrs[grad].Out = append(p.Instrs[grad].Out, masked)
		}
		by[masked] = grad
	}
	p.drop(gone)
	p.sort()
}

// viewed reports whether another value shares the memory of x.
func (p *Plan) viewed(x ID) bool {
	for id, v := range p.Values {
		if v.Store == x && ID(id) != x {
			return true
		}
	}
	return false
}

// gradientPair finds among the users of a gradient one batch norm's reduction and gradient; -1 where there is none.
func (p *Plan) gradientPair(g ID, users []int) (reduce, grad int) {
	for _, i := range users {
		if in := p.Instrs[i]; in.Kind == expr.BNReduce && in.In[0] == g && in.Mask == none {
			for _, j := range users {
				if d := p.Instrs[j]; d.Kind == expr.BNGrad && d.In[0] == g && d.Mask == none && d.In[3] == in.Out[0] {
					return i, j
				}
			}
		}
	}
	return -1, -1
}

// sort restores the order of operands before users, stably, after a result has moved to a later instruction.
func (p *Plan) sort() {
	by := p.Producers()
	done := make([]bool, len(p.Instrs))
	sorted := make([]Instr, 0, len(p.Instrs))
	var visit func(i int)
	visit = func(i int) {
		if i < 0 || done[i] {
			return
		}
		done[i] = true
		for _, id := range p.Instrs[i].Reads() {
			visit(by[p.Values[id].Store])
			visit(by[id])
		}
		sorted = append(sorted, p.Instrs[i])
	}
	for i := range p.Instrs {
		visit(i)
	}
	p.Instrs = sorted
}
