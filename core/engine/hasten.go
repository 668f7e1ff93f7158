package engine

import (
	"cmp"
	"slices"
)

// inPassing is the share of the memory that an instruction frees which others may take before it runs.
const inPassing = 16

// hasten moves results that nobody waits for, such as the gradients of weights, to where they end the lives of larger
// operands. Differentiation leaves them to the very end, and the gradients of all activations would live until then. They
// run once those operands' other readers have, just before memory of their size is next needed.
func (p *Plan) hasten() {
	by, readers := p.Producers(), p.Readers()
	place := make([]int, len(p.Instrs)) // behind which instruction of the old order each one runs
	behind := make([][]Instr, len(p.Instrs))
	for i, in := range p.Instrs {
		place[i] = i
		if in.gathered == 0 && p.unawaited(in, readers) {
			place[i] = p.soonest(i, by, readers, place)
		}
		behind[place[i]] = append(behind[place[i]], in)
	}
	p.Instrs = slices.Concat(behind...)
}

// unawaited reports whether nothing but sinks reads the results, which have memory of their own.
func (p *Plan) unawaited(in Instr, readers [][]int) bool {
	waits := func(reader int) bool { return p.Instrs[reader].Kind != Sunk }
	return !slices.ContainsFunc(in.Out, func(id ID) bool { return p.Values[id].Store != id || slices.ContainsFunc(readers[id], waits) })
}

// soonest is the place where instruction i first frees more memory than it takes; i where there is none. What a sink takes at
// once costs no memory, but waits until the sink may.
func (p *Plan) soonest(i int, by []int, readers [][]int, place []int) int {
	ready, takes := -1, p.allocates(i)
	for _, id := range p.Instrs[i].Out {
		for _, sink := range readers[id] {
			takes = 0
			for _, at := range p.before(sink, readers, by) {
				if at > i {
					return i
				}
				if at != i {
					ready = max(ready, place[at])
				}
			}
		}
	}
	type end struct{ at, size int }
	var ends []end // of the operands that nobody reads later
	for _, id := range p.Instrs[i].Reads() {
		store := p.Values[id].Store
		ready = max(ready, by[id], by[store])
		users := readers[store]
		if by[store] < 0 || users[len(users)-1] != i || p.kept(store) {
			continue
		}
		last := -1
		for _, user := range users {
			if user != i {
				last = max(last, place[user])
			}
		}
		ends = append(ends, end{last, p.Values[store].Bytes()})
	}
	slices.SortFunc(ends, func(a, b end) int { return cmp.Compare(a.at, b.at) })
	frees := 0
	for _, e := range ends {
		ready = max(ready, e.at)
		if frees += e.size; frees <= takes {
			continue
		}
		for ready+1 < i && p.allocates(ready+1) <= frees/inPassing {
			ready++
		}
		return min(ready, i)
	}
	return i
}

// kept reports whether a store or a view of it must survive the run.
func (p *Plan) kept(store ID) bool {
	return slices.ContainsFunc(p.Values, func(v Value) bool { return v.Store == store && v.Output })
}

// allocates is the size of the memory that an instruction needs for its results.
func (p *Plan) allocates(i int) int {
	size := 0
	for _, out := range p.Instrs[i].Out {
		if p.Values[out].Store == out {
			size += p.Values[out].Bytes()
		}
	}
	return size
}
