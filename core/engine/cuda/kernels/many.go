package kernels

import (
	"fmt"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/sdk/expr"
)

// part is the number of elements of a tensor that a block takes where a launch is for many.
const part = 8192

// shortSum is the number of elements up to which one thread may sum them.
const shortSum = 32

// form is the same for instructions that one launch can compute: chains of one function whose operands are read alike, slices,
// and short sums; "" for what else.
func form(p *engine.Plan, in engine.Instr) string {
	form := string(in.Kind) + " " + storage(p, in.Out[0])
	for _, id := range in.In {
		form += " " + storage(p, id)
	}
	switch in.Kind {
	case expr.Slice:
		return form
	case expr.Sum:
		if steps := stages(p.Values[in.In[0]].Shape, in.Attrs.Axes); len(steps) == 1 && steps[0].n <= shortSum {
			return form
		}
	case engine.Fused:
		operator, err := function(in.Chain)
		if err != nil || !flat(in.Chain) {
			return ""
		}
		for _, input := range in.Chain.Inputs {
			form += fmt.Sprint(" ", input.Repeat)
		}
		return form + operator
	}
	return ""
}

// many computes instructions of one form in one launch.
func (l *lowering) many(instrs []int) error {
	switch l.in.Kind {
	case expr.Slice:
		table, blocks := l.tables(instrs, func(in engine.Instr) []Arg {
			_, n, width, at := runs(l.shape(in.In[0]), l.shape(in.Out[0]), in.Attrs.Axis, in.Attrs.Start)
			return []Arg{Address(in.Out[0]), Address(in.In[0]), Int64(l.size(in.Out[0])), Int64(n), Int64(width), Int64(at)}
		})
		l.launchMany(l.pairOf("slice_many"), table, blocks)
	case expr.Sum:
		table, blocks := l.tables(instrs, func(in engine.Instr) []Arg {
			step := stages(l.shape(in.In[0]), in.Attrs.Axes)[0]
			return []Arg{Address(in.Out[0]), Address(in.In[0]), Int64(l.size(in.Out[0])), Int64(step.n), Int64(step.inner)}
		})
		l.launchMany(l.pairOf("sum_many"), table, blocks)
	default:
		return l.chains(instrs)
	}
	return nil
}

// pairOf is an instance of a function of one operand.
func (l *lowering) pairOf(function string) string {
	return fmt.Sprintf("%s<%d, %s, %s>", function, part, storage(l.p, l.in.Out[0]), storage(l.p, l.in.In[0]))
}

// chains computes chains of one function.
func (l *lowering) chains(instrs []int) error {
	operator, err := function(l.in.Chain)
	if err != nil {
		return err
	}
	table, blocks := l.tables(instrs, func(in engine.Instr) []Arg {
		row := []Arg{Address(in.Out[0])}
		for _, input := range in.Chain.Inputs {
			row = append(row, Address(input.Value))
		}
		return append(row, Int64(l.size(in.Out[0])))
	})
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

func (l *lowering) launchMany(function string, table, blocks Table) {
	l.launch(function, line(len(blocks)/2), line(threads), pass(table), pass(blocks))
}

// tables are what a launch for many is given: a row for each instruction, and for each block the row and the part of its result.
func (l *lowering) tables(instrs []int, row func(in engine.Instr) []Arg) (table, blocks Table) {
	for number, i := range instrs {
		in := l.p.Instrs[i]
		table = append(table, row(in)...)
		for at := range ceilDiv(l.size(in.Out[0]), part) {
			blocks = append(blocks, Int64(number), Int64(at))
		}
	}
	return table, blocks
}
