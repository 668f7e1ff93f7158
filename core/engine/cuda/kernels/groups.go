package kernels

import (
	"slices"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/sdk/expr"
)

// Groups lists the plan's instructions in the order in which a device launches them, those together that [Lower] joins:
//
//   - a sum with the chain that makes what it sums, where nobody else reads that: it is never stored;
//   - chains of the same form over tensors that have nothing to do with each other, above all an optimiser's update of every
//     parameter, and likewise slices, and short sums: one launch for all.
//
// A group of a chain and a sum stands where the sum stood, one of many where its first did. No instruction moves across one that reads or
// writes memory that it writes, nor across a custom op. An instruction for which elsewhere is true is computed by something else
// and stays alone.
func Groups(p *engine.Plan, elsewhere func(i int) bool) [][]int {
	g := newGrouping(p)
	for i, in := range p.Instrs {
		g.alone[i] = elsewhere(i) || in.Custom()
	}
	for i := range p.Instrs {
		g.joinSum(i)
	}
	var groups [][]int
	for i := range p.Instrs {
		if !g.taken[i] {
			groups = append(groups, g.from(i))
		}
	}
	return groups
}

// grouping is the state of Groups. An instruction that is taken runs with another: its accesses are that one's.
type grouping struct {
	p             *engine.Plan
	by            []int // see [engine.Plan.Producers]
	readers       [][]int
	output        []bool // of stores: a caller reads it
	reads, writes [][]engine.ID
	chain         []int // of a sum: the chain that it is joined with, or -1
	forms         []string
	alone, taken  []bool
}

func newGrouping(p *engine.Plan) *grouping {
	n := len(p.Instrs)
	g := &grouping{p: p, by: p.Producers(), readers: p.Readers(), output: make([]bool, len(p.Values)),
		reads: make([][]engine.ID, n), writes: make([][]engine.ID, n), chain: make([]int, n), forms: make([]string, n),
		alone: make([]bool, n), taken: make([]bool, n)}
	for _, v := range p.Values {
		g.output[v.Store] = g.output[v.Store] || v.Output
	}
	for i, in := range p.Instrs {
		g.reads[i], g.writes[i], g.chain[i], g.forms[i] = in.Reads(), in.Out, -1, form(p, in)
	}
	return g
}

// joinSum joins a sum with the chain before it where that may as well run when the sum does.
func (g *grouping) joinSum(i int) {
	sum := g.p.Instrs[i]
	if sum.Kind != expr.Sum || g.alone[i] {
		return
	}
	x := sum.In[0]
	c := g.by[x]
	if c < 0 || g.alone[c] || g.p.Instrs[c].Kind != engine.Fused || g.p.Values[x].Store != x || g.output[x] || len(g.readers[x]) != 1 || !summable(g.p, sum, g.p.Instrs[c].Chain) {
		return
	}
	for j := c + 1; j <= i; j++ {
		if g.share(g.writes[j], g.reads[c]) || g.p.Instrs[j].Custom() {
			return
		}
	}
	g.reads[i], g.chain[i], g.alone[i], g.taken[c] = g.reads[c], c, true, true
}

// from is the group of instruction i.
func (g *grouping) from(i int) []int {
	if g.chain[i] >= 0 {
		return []int{g.chain[i], i}
	}
	group := []int{i}
	want := g.forms[i]
	if want == "" || g.alone[i] {
		return group
	}
	crossed := []int{i}
	for j := i + 1; j < len(g.p.Instrs) && !g.p.Instrs[j].Custom(); j++ {
		if g.taken[j] {
			continue
		}
		if !g.alone[j] && g.forms[j] == want && !slices.ContainsFunc(crossed, func(k int) bool { return g.meet(j, k) }) {
			group, g.taken[j] = append(group, j), true
		}
		crossed = append(crossed, j)
	}
	return group
}

// meet reports whether one of two instructions writes memory that the other reads or writes.
func (g *grouping) meet(i, j int) bool {
	return g.share(g.writes[i], g.writes[j]) || g.share(g.writes[i], g.reads[j]) || g.share(g.reads[i], g.writes[j])
}

func (g *grouping) share(a, b []engine.ID) bool {
	return slices.ContainsFunc(a, func(x engine.ID) bool {
		return slices.ContainsFunc(b, func(y engine.ID) bool { return g.overlap(x, y) })
	})
}

// overlap reports whether two values share memory: that of an input, or of the arena.
func (g *grouping) overlap(x, y engine.ID) bool {
	a, b := g.p.Values[x].Store, g.p.Values[y].Store
	va, vb := g.p.Values[a], g.p.Values[b]
	if va.Input != "" || vb.Input != "" {
		return a == b
	}
	return va.Offset < vb.Offset+g.p.Values[y].Bytes() && vb.Offset < va.Offset+g.p.Values[x].Bytes()
}
