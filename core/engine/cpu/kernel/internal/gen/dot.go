package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx512dot is AVX-512 with products of pairs of bfloat16 numbers, which are summed in float32.
var avx512dot = simd{name: "AVX512Dot", lanes: 16, maxRows: 14, bf16: true, dot: true}

// dotOpcode is an instruction that Go's assembler does not know; encode writes its bytes.
const dotOpcode = "VDPBF16PS"

// dot adds to each lane of acc the two products of the pairs in that lane of a and b.
func dot(a, b, acc reg.VecVirtual) {
	build.Instruction(&ir.Instruction{Opcode: dotOpcode, Operands: []operand.Op{a, b, acc}, Inputs: []operand.Op{a, b, acc}, Outputs: []operand.Op{acc}})
}

// pairing writes the kernels that make pairs of bfloat16 numbers of two rows.
func pairing() {
	s := avx512bf16
	pair(s, "pairFloatsAVX512BF16", "rounds two rows of n float32 numbers to bfloat16, and writes each number beside that above it", "*float32", s.bytes(), func(m operand.Mem) reg.VecVirtual {
		x, y := s.vec(), s.vec()
		build.VMOVUPS(m, x)
		build.VPMOVZXWD(s.rounded(x), y)
		return y
	})
	pair(s, "pairHalvesAVX512BF16", "writes each of n bfloat16 numbers beside that of the other row", "*uint16", s.bytes()/2, func(m operand.Mem) reg.VecVirtual {
		y := s.vec()
		build.VPMOVZXWD(m, y)
		return y
	})
}

// pair writes a kernel that loads vectors of two rows into the lower halves of lanes, and pairs them.
func pair(s simd, name, doc, number string, bytes int, load func(operand.Mem) reg.VecVirtual) {
	function(name, "func(n int, low, high "+number+", dst *float32)")
	build.Doc(name + " " + doc + "; n is a multiple of the vector's length.")
	n, low, high, dst := param("n"), param("low"), param("high"), param("dst")
	build.Label("vector")
	x, y := load(at(low, 0)), load(at(high, 0))
	build.VPSLLD(operand.U8(16), y, y)
	build.VPORD(x, y, y)
	build.VMOVDQU32(y, at(dst, 0))
	build.ADDQ(operand.U32(uint32(bytes)), low)
	build.ADDQ(operand.U32(uint32(bytes)), high)
	build.ADDQ(operand.U32(uint32(s.bytes())), dst)
	build.SUBQ(operand.U32(uint32(s.lanes)), n)
	build.JNZ(operand.LabelRef("vector"))
	finish()
}
