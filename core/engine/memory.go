package engine

import (
	"cmp"
	"slices"
)

// align keeps every store on a cache line, whose bytes it counts.
const align = 64

// planMemory gives every computed store a place in one arena. Two stores may share memory when one is dead before the
// other is written. Large stores are placed first, each at the lowest place that is free during its life.
func (p *Plan) planMemory() {
	lives := p.lifetimes()
	slices.SortStableFunc(lives, func(a, b life) int { return cmp.Compare(b.size, a.size) })
	var placed []life
	for _, l := range lives {
		l.offset = lowest(l, placed)
		p.Values[l.store].Offset = l.offset
		p.Arena = max(p.Arena, l.offset+l.size)
		placed = append(placed, l)
	}
}

// life is the span of instructions during which a store holds something.
type life struct {
	store       ID
	size        int // bytes
	first, last int
	offset      int
}

func (p *Plan) lifetimes() []life {
	lives := make([]life, len(p.Values))
	for id := range lives {
		lives[id] = life{store: ID(id), first: -1}
	}
	times := p.times()
	for i, in := range p.Instrs {
		for _, id := range in.Out {
			if l := &lives[p.Values[id].Store]; l.first < 0 {
				l.first, l.last = times[i], times[i]
			}
		}
		for _, id := range in.Reads() {
			lives[p.Values[id].Store].last = times[i]
		}
	}
	for _, v := range p.Values {
		l := &lives[v.Store]
		if v.Output {
			l.last = len(p.Instrs)
		}
		l.size = max(l.size, (v.Bytes()+align-1)/align*align)
	}
	return slices.DeleteFunc(lives, func(l life) bool { return l.first < 0 || p.Values[l.store].Input != "" || p.Values[l.store].Passing })
}

// lowest is the lowest offset at which a life overlaps no other that it meets in time.
func lowest(l life, placed []life) int {
	var others []life
	for _, o := range placed {
		if o.first <= l.last && l.first <= o.last {
			others = append(others, o)
		}
	}
	slices.SortFunc(others, func(a, b life) int { return cmp.Compare(a.offset, b.offset) })
	at := 0
	for _, o := range others {
		if at+l.size <= o.offset {
			break
		}
		at = max(at, o.offset+o.size)
	}
	return at
}

// reuseInPlace lets a chain write its result over a full operand of the same storage type whose store nobody reads
// afterwards and no other operand shares.
func (p *Plan) reuseInPlace() {
	last := make([]int, len(p.Values))
	pinned := make([]bool, len(p.Values))
	computed := make([]bool, len(p.Values))
	for i, in := range p.Instrs {
		for _, id := range in.Reads() {
			last[p.Values[id].Store] = i
		}
		for _, id := range in.Out {
			computed[id] = true
		}
	}
	for _, v := range p.Values {
		pinned[v.Store] = pinned[v.Store] || v.Output
	}
	root := make([]ID, len(p.Values)) // the store that a store was merged into
	for id := range root {
		root[id] = p.Values[id].Store
	}
	for i, in := range p.Instrs {
		if in.Kind != Fused {
			continue
		}
		out := in.Out[0]
		if p.viewed(out) || p.Values[out].Store != out {
			continue
		}
		for j, input := range in.Chain.Inputs {
			s := root[p.Values[input.Value].Store]
			sole := input.Repeat == Full && computed[s] && !pinned[s] && last[s] == i && p.Values[s].Bytes() == p.Values[out].Bytes()
			for k, other := range in.Chain.Inputs {
				sole = sole && (k == j || root[p.Values[other.Value].Store] != s)
			}
			if sole {
				root[out] = s
				pinned[s] = p.Values[out].Output
				last[s] = max(last[s], last[out])
				break
			}
		}
	}
	for id := range p.Values {
		p.Values[id].Store = root[p.Values[id].Store]
	}
}
