package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// avx512bf16 is AVX-512 with the instruction that rounds to bfloat16.
var avx512bf16 = simd{name: "AVX512BF16", lanes: 16, maxRows: 14, bf16: true}

// conversions writes the kernels that convert between storage types.
func conversions(s simd) {
	if !s.bf16 {
		vectorwise(s, kernel{name: "widen", doc: "converts bfloat16 numbers; n is a multiple of the vector's length.", mats: list("src"), halves: list("src"), outs: list("dst"), body: moved})
	}
	vectorwise(s, kernel{name: "narrow", doc: "rounds to bfloat16; n is a multiple of the vector's length.", mats: list("src"), halves: list("dst"), outs: list("dst"), body: moved})
}

func moved(_ simd, v vectors) { v["dst"] = v["src"] }

// vectorwise writes a kernel over n numbers, n a multiple of the vector's length.
func vectorwise(s simd, k kernel) {
	ptr, fixed := k.open(s, "n int")
	n := param("n")
	for _, width := range []int{4, 1} {
		k.repeat(s, ptr, fixed, n, width)
	}
	finish()
}

// halves is the access to bfloat16 numbers: widened as they are loaded, rounded as they are stored.
type halves struct{ s simd }

func (h halves) load(m operand.Mem, x reg.VecVirtual) {
	build.VPMOVZXWD(m, x)
	build.VPSLLD(operand.U8(16), x, x)
}

func (h halves) store(x reg.VecVirtual, m operand.Mem) {
	y := h.s.rounded(x)
	if h.s.wide() {
		build.VMOVDQU(y, m)
	} else {
		build.VMOVDQU(y.AsX(), m)
	}
}

// maskedHalves is the access to the first of a vector's bfloat16 numbers.
type maskedHalves struct {
	s simd
	k reg.OpmaskVirtual
}

func (h maskedHalves) load(m operand.Mem, x reg.VecVirtual) {
	build.VPMOVZXWD_Z(m, h.k, x)
	build.VPSLLD(operand.U8(16), x, x)
}

func (h maskedHalves) store(x reg.VecVirtual, m operand.Mem) {
	build.VMOVDQU16(h.s.rounded(x), h.k, m)
}

// rounded returns the numbers of a vector in bfloat16, in half a vector; x stays.
func (s simd) rounded(x reg.VecVirtual) reg.VecVirtual {
	if s.bf16 {
		y := build.YMM()
		build.Instruction(&ir.Instruction{Opcode: roundOpcode, Operands: []operand.Op{x, y}, Inputs: []operand.Op{x}, Outputs: []operand.Op{y}})
		return y
	}
	// To nearest, ties to even: add half a unit less one, and one more where the last bit that stays is odd. NaNs keep their
	// upper half, made quiet.
	t := s.vec()
	build.VPSRLD(operand.U8(16), x, t)
	const unordered = operand.U8(3)
	if s.wide() {
		build.VPANDD(s.splatBits(1), t, t)
		build.VPADDD(s.splatBits(0x7fff), t, t)
		build.VPADDD(x, t, t)
		nan := build.K()
		build.VCMPPS(unordered, x, x, nan)
		build.VPORD(s.splatBits(1<<22), x, nan, t)
		build.VPSRLD(operand.U8(16), t, t)
		y := build.YMM()
		build.VPMOVDW(t, y)
		return y
	}
	build.VPAND(s.splatBits(1), t, t)
	build.VPADDD(s.splatBits(0x7fff), t, t)
	build.VPADDD(x, t, t)
	nan, quiet := s.vec(), s.vec()
	build.VCMPPS(unordered, x, x, nan)
	build.VPOR(s.splatBits(1<<22), x, quiet)
	build.VBLENDVPS(nan, quiet, t, t)
	build.VPSRLD(operand.U8(16), t, t)
	build.VPACKUSDW(t, t, t) // in each half of the vector
	build.VPERMQ(operand.U8(0x08), t, t)
	return t
}

// roundOpcode is an instruction that Go's assembler does not know; encode writes its bytes.
const roundOpcode = "VCVTNEPS2BF16"
