package kernels

import (
	"fmt"

	"github.com/sslctl/sslctl/core/engine"
)

// part is the number of elements of a tensor that a block takes where a chain runs over many.
const part = 8192

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
