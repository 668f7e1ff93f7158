package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// The instructions of AVX512-BF16, which Go's assembler does not know, as avo writes them. Both are EVEX.512.F3.0F38.W0.
var unknown = []struct {
	pattern *regexp.Regexp // whose groups are the numbers of the registers rm, vvvv if there is one, and reg
	opcode  int
}{
	{regexp.MustCompile(roundOpcode + ` +Z(\d+), Y(\d+)`), 0x72},
	{regexp.MustCompile(dotOpcode + ` +Z(\d+), Z(\d+), Z(\d+)`), 0x52},
}

// encode replaces these instructions in a generated file by their bytes.
func encode(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, u := range unknown {
		text = u.pattern.ReplaceAllFunc(text, func(line []byte) []byte {
			var registers []int
			for _, number := range u.pattern.FindSubmatch(line)[1:] {
				n, _ := strconv.Atoi(string(number))
				registers = append(registers, n)
			}
			vvvv := 0
			if len(registers) == 3 {
				vvvv = registers[1]
			}
			name, operands, _ := strings.Cut(string(line), " ")
			return fmt.Appendf(nil, "%s // %s %s", evex(u.opcode, registers[len(registers)-1], vvvv, registers[0]), strings.ToLower(name), strings.TrimSpace(operands))
		})
	}
	return os.WriteFile(file, text, 0o644)
}

// evex is EVEX.512.F3.0F38.W0 opcode /r of registers. The upper bits of their numbers, R, X, B, R', and all of vvvv are
// stored inverted.
func evex(opcode, dst, vvvv, rm int) string {
	inverted := func(n, bit int) int { return ^(n >> bit) & 1 }
	p0 := inverted(dst, 3)<<7 | inverted(rm, 4)<<6 | inverted(rm, 3)<<5 | inverted(dst, 4)<<4 | 2
	p1 := ^vvvv&15<<3 | 6
	p2 := 0x40 | inverted(vvvv, 4)<<3
	var bytes []string
	for _, b := range []int{0x62, p0, p1, p2, opcode, 0xc0 | dst&7<<3 | rm&7} {
		bytes = append(bytes, fmt.Sprintf("BYTE $0x%02x", b))
	}
	return strings.Join(bytes, "; ")
}
