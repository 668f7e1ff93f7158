package engine

import (
	"cmp"
	"slices"

	"github.com/sslctl/sslctl/sdk/expr"
)

// gather moves what only updates need - an optimiser's chains, and small slices and sums of statistics - to the end, those of one
// form side by side. A device can launch those together that would be a launch a parameter each.
func (p *Plan) gather() {
	level := p.updateLevels()
	type late struct {
		Instr
		level int
		form  string
	}
	var gathered []late
	kept := make([]Instr, 0, len(p.Instrs))
	for i, in := range p.Instrs {
		switch {
		case level[i] < 0:
			kept = append(kept, in)
		case in.Chain != nil:
			gathered = append(gathered, late{in, level[i], in.Chain.String()})
		default:
			gathered = append(gathered, late{in, level[i], string(in.Kind)})
		}
	}
	slices.SortStableFunc(gathered, func(a, b late) int { return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(a.form, b.form)) })
	number := 0
	for i, l := range gathered {
		if i == 0 || l.level != gathered[i-1].level || l.form != gathered[i-1].form {
			number++
		}
		l.Instr.gathered = number
		kept = append(kept, l.Instr)
	}
	p.Instrs = kept
}

// updateLevels is for each instruction that only updates need the number of others of them that must run before it, one after
// another; -1 for the rest.
func (p *Plan) updateLevels() []int {
	readers, by := p.Readers(), p.Producers()
	updated := map[ID]ID{} // the input that takes a value
	for _, u := range p.Updates {
		updated[u.Value] = u.Input
	}
	level := make([]int, len(p.Instrs))
	for i := len(p.Instrs) - 1; i >= 0; i-- {
		out := p.Instrs[i].Out[0]
		_, update := updated[out]
		needed := func(j int) bool { return level[j] < 0 }
		if !p.gathers(p.Instrs[i]) || slices.ContainsFunc(readers[out], needed) || !update && (p.kept(out) || len(readers[out]) == 0) {
			level[i] = -1
		}
	}
	for i, in := range p.Instrs {
		if level[i] < 0 {
			continue
		}
		before := func(j int) {
			if j >= 0 && j != i && level[j] >= 0 {
				level[i] = max(level[i], level[j]+1)
			}
		}
		for _, id := range in.Reads() {
			before(by[id])
			before(by[p.Values[id].Store])
		}
		if input, ok := updated[in.Out[0]]; ok { // it may be written over what others read
			for _, j := range readers[input] {
				before(j)
			}
		}
	}
	return level
}

// The sizes in elements up to which the result of a chain, and the operand of a slice or a sum, may wait for the end of a run. A
// chain of more takes longer than a launch costs, and its gradient is worth freeing.
const (
	smallChain   = 1 << 19
	smallOperand = 1 << 16
)

// gathers reports whether an instruction may be gathered at all.
func (p *Plan) gathers(in Instr) bool {
	switch in.Kind {
	case Fused:
		return p.Values[in.Out[0]].Size() <= smallChain
	case expr.Slice, expr.Sum:
		return p.Values[in.In[0]].Size() <= smallOperand
	}
	return false
}

// times is when each instruction runs, as far as memory is concerned: those that were gathered side by side may run at once.
func (p *Plan) times() []int {
	times := make([]int, len(p.Instrs))
	for i, in := range p.Instrs {
		times[i] = i
		if i > 0 && in.gathered > 0 && in.gathered == p.Instrs[i-1].gathered {
			times[i] = times[i-1]
		}
	}
	return times
}
