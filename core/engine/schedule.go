package engine

import (
	"cmp"
	"slices"
)

// schedule reorders the instructions so that each runs after those that make its operands and, where no circle forbids it,
// after those that are wished for: after[i] lists them for instruction i. What could run keeps its order.
func (p *Plan) schedule(after [][]int) {
	s := newScheduling(p, after)
	order := make([]Instr, 0, len(p.Instrs))
	for len(order) < len(p.Instrs) {
		i := s.next()
		order = append(order, p.Instrs[i])
		s.finish(i)
	}
	p.Instrs = order
}

// scheduling is the state of [Plan.schedule]: how many instructions each still waits for.
type scheduling struct {
	needs, wishes   []int
	needed, wished  [][]int // the other way round: who waits for an instruction
	done            []bool
	ready, deferred []int // in ascending order; deferred ones wait for wishes only
}

func newScheduling(p *Plan, after [][]int) *scheduling {
	n := len(p.Instrs)
	s := &scheduling{needs: make([]int, n), wishes: make([]int, n), needed: make([][]int, n), wished: make([][]int, n), done: make([]bool, n)}
	by := p.Producers()
	for i, in := range p.Instrs {
		for _, id := range in.Reads() {
			for _, j := range distinct(by[id], by[p.Values[id].Store]) {
				s.needs[i]++
				s.needed[j] = append(s.needed[j], i)
			}
		}
		for _, j := range after[i] {
			s.wishes[i]++
			s.wished[j] = append(s.wished[j], i)
		}
	}
	for i := range n {
		s.place(i)
	}
	return s
}

// distinct lists the producers among two, once each.
func distinct(a, b int) []int {
	switch {
	case a < 0 && b < 0:
		return nil
	case a < 0 || a == b:
		return []int{b}
	case b < 0:
		return []int{a}
	}
	return []int{a, b}
}

// place files an instruction that waits for no operand.
func (s *scheduling) place(i int) {
	if s.done[i] || s.needs[i] > 0 {
		return
	}
	list := &s.ready
	if s.wishes[i] > 0 {
		list = &s.deferred
	}
	at, _ := slices.BinarySearchFunc(*list, i, cmp.Compare)
	*list = slices.Insert(*list, at, i)
}

// next takes the first instruction that can run; of those that wait for wishes the first where none else is left.
func (s *scheduling) next() int {
	list := &s.ready
	if len(*list) == 0 {
		list = &s.deferred
	}
	i := (*list)[0]
	*list = (*list)[1:]
	return i
}

func (s *scheduling) finish(i int) {
	s.done[i] = true
	for _, j := range s.needed[i] {
		if s.needs[j]--; s.needs[j] == 0 {
			s.place(j)
		}
	}
	for _, j := range s.wished[i] {
		if s.wishes[j]--; s.wishes[j] == 0 && s.needs[j] == 0 && !s.done[j] {
			s.deferred = slices.DeleteFunc(s.deferred, func(k int) bool { return k == j })
			s.place(j)
		}
	}
}
