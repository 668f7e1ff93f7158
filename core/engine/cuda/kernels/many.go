package kernels

import (
	"fmt"
	"slices"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/sdk/expr"
)

// part is the number of elements of a tensor that a block takes where a chain runs over many.
const part = 8192

// Groups lists the plan's instructions in the order in which a device launches them, those together that [Lower] joins into one
// launch: chains of the same form over tensors that have nothing to do with each other, above all an optimiser's update of
// every parameter. A group stands where its first instruction stood; no instruction moves across one that reads or writes
// memory that it writes, nor across a custom op.
func Groups(p *engine.Plan) [][]int {
	g := grouping{p: p, forms: make([]string, len(p.Instrs)), taken: make([]bool, len(p.Instrs))}
	for i, in := range p.Instrs {
		g.forms[i] = form(p, in)
	}
	var groups [][]int
	for i := range p.Instrs {
		if !g.taken[i] {
			groups = append(groups, g.from(i))
		}
	}
	return groups
}

// form is the same for chains that one launch can compute: the function, and how each operand is read; "" for what else.
func form(p *engine.Plan, in engine.Instr) string {
	if in.Kind != engine.Fused || !flat(in.Chain) {
		return ""
	}
	operator, err := function(in.Chain)
	if err != nil {
		return ""
	}
	form := operator + storage(p, in.Out[0])
	for _, input := range in.Chain.Inputs {
		form += fmt.Sprint(" ", input.Repeat, storage(p, input.Value))
	}
	return form
}

type grouping struct {
	p     *engine.Plan
	forms []string
	taken []bool
}

// from is the group of instruction i: itself and later ones that can run as early.
func (g *grouping) from(i int) []int {
	group := []int{i}
	if g.forms[i] == "" {
		return group
	}
	crossed := []int{i}
	for j := i + 1; j < len(g.p.Instrs) && !custom(g.p.Instrs[j]); j++ {
		if g.taken[j] {
			continue
		}
		meets := func(k int) bool { return g.meet(g.p.Instrs[j], g.p.Instrs[k]) }
		if g.forms[j] == g.forms[i] && !slices.ContainsFunc(crossed, meets) {
			group, g.taken[j] = append(group, j), true
		}
		crossed = append(crossed, j)
	}
	return group
}

func custom(in engine.Instr) bool { return in.Kind == expr.Custom || in.Kind == expr.CustomGrad }

// meet reports whether one of two instructions writes memory that the other reads or writes.
func (g *grouping) meet(a, b engine.Instr) bool {
	return g.share(a.Out, b.Out) || g.share(a.Out, b.Reads()) || g.share(a.Reads(), b.Out)
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

// chains computes chains of one form in one launch.
func (l *lowering) chains(instrs []int) error {
	operator, err := function(l.in.Chain)
	if err != nil {
		return err
	}
	var table, blocks Table
	for row, i := range instrs {
		in := l.p.Instrs[i]
		table = append(table, Address(in.Out[0]))
		for _, input := range in.Chain.Inputs {
			table = append(table, Address(input.Value))
		}
		n := l.size(in.Out[0])
		table = append(table, Int64(n))
		for at := range ceilDiv(n, part) {
			blocks = append(blocks, Int64(row), Int64(at))
		}
	}
	params := []param{text("%s()", l.define(operator)), pass(table), pass(blocks)}
	slots := [...]string{engine.Full: "full", engine.Scalar: "scalar"}
	for i, input := range l.in.Chain.Inputs {
		params = append(params, text("%s_slot<%d, %s>()", slots[input.Repeat], i+1, storage(l.p, input.Value)))
	}
	words := len(l.in.Chain.Inputs) + 2
	l.launch(fmt.Sprintf("chain_many<%d, %d, %d, %s>", l.widest(l.addresses()...), part, words, storage(l.p, l.in.Out[0])), line(len(blocks)/2),
		line(threads), params...)
	return nil
}
