package engine

import (
	"fmt"
	"slices"

	"github.com/sslctl/sslctl/sdk/expr"
)

// number computes equal values once (value numbering), and turns what only renames memory - stop-gradient, reshape,
// an affine map by 1 and 0, a sum over axes of length 1 - into a view of its operand.
func (p *Plan) number() {
	to := make([]ID, len(p.Values)) // what stands for a value
	for i := range to {
		to[i] = ID(i)
	}
	seen := map[string]ID{}
	gone := make([]bool, len(p.Instrs))
	for i := range p.Instrs {
		in := &p.Instrs[i]
		for j, id := range in.In {
			in.In[j] = to[id]
		}
		out := in.Out[0]
		if p.renames(in) {
			gone[i] = true
			to[out] = p.view(in.In[0], out, to)
			continue
		}
		if in.Custom() || in.Kind == Sunk {
			continue // two plugins may name different ops alike, and two sinks are two functions
		}
		key := fmt.Sprint(in.Kind, in.Attrs, in.In)
		if first, twice := seen[key]; twice {
			gone[i] = true
			to[out] = first
			p.Values[first].Output = p.Values[first].Output || p.Values[out].Output
			continue
		}
		seen[key] = out
	}
	for node, id := range p.ids {
		p.ids[node] = to[id]
	}
	for i, u := range p.Updates {
		p.Updates[i].Value = to[u.Value]
	}
	p.drop(gone)
}

// renames reports whether an instruction leaves the memory of its operand as it is.
func (p *Plan) renames(in *Instr) bool {
	switch in.Kind {
	case expr.Sum:
		return p.Values[in.In[0]].Size() == p.Values[in.Out[0]].Size()
	case expr.StopGradient, expr.Reshape:
		return true
	case expr.Affine:
		return in.Attrs.Alpha == 1 && in.Attrs.Beta == 0
	}
	return false
}

// view makes out a view of the store of x; where the shape is the same, x itself stands for it.
func (p *Plan) view(x, out ID, to []ID) ID {
	if slices.Equal(p.Values[x].Shape, p.Values[out].Shape) {
		p.Values[x].Output = p.Values[x].Output || p.Values[out].Output
		return x
	}
	store := p.Values[x].Store
	p.Values[out].Store = store
	return to[out]
}
