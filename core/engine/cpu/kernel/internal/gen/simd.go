package main

import (
	"math"
	"strconv"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// simd is an instruction set to write kernels for.
type simd struct {
	name    string
	lanes   int  // float32 values in a vector
	maxRows int  // rows of the largest tile: two vectors a row and the operands fill the registers
	bf16    bool // rounds to bfloat16 by an instruction, and writes kernels for images that are stored so
	dot     bool // products are of pairs of bfloat16 numbers
}

var (
	avx2   = simd{name: "AVX2", lanes: 8, maxRows: 6}
	avx512 = simd{name: "AVX512", lanes: 16, maxRows: 14}
)

func (s simd) wide() bool { return s.lanes == 16 }

// bytes is the size of a vector.
func (s simd) bytes() int { return 4 * s.lanes }

func (s simd) vec() reg.VecVirtual {
	if s.wide() {
		return build.ZMM()
	}
	return build.YMM()
}

// zero returns a vector of zeros.
func (s simd) zero() reg.VecVirtual {
	v := s.vec()
	s.clear(v)
	return v
}

func (s simd) clear(v reg.VecVirtual) {
	if s.wide() {
		build.VPXORD(v, v, v)
	} else {
		build.VXORPS(v, v, v)
	}
}

// splat returns a vector with all lanes equal to the constant.
func (s simd) splat(f float32) reg.VecVirtual { return s.splatBits(math.Float32bits(f)) }

func (s simd) splatBits(bits uint32) reg.VecVirtual {
	v := s.vec()
	build.VBROADCASTSS(constant(bits), v)
	return v
}

var constants = map[uint32]operand.Mem{}

// constant returns the place of a float32 in the data segment. It is written as bits, because avo prints float operands as
// integers.
func constant(bits uint32) operand.Mem {
	if m, ok := constants[bits]; ok {
		return m
	}
	constants[bits] = build.ConstData("bits"+strconv.FormatUint(uint64(bits), 16), operand.U32(bits))
	return constants[bits]
}

// function opens an assembly function that keeps no pointer it is given.
func function(name, signature string) {
	build.TEXT(name, attr.NOSPLIT, signature)
	build.Pragma("noescape")
}

// param loads an argument of eight bytes.
func param(name string) reg.GPVirtual {
	return build.Load(build.Param(name), build.GP64()).(reg.GPVirtual)
}

// address returns the operand of an argument, for instructions that read it in place.
func address(name string) operand.Mem {
	b, err := build.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

func at(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

// finish ends a function that used vector registers.
func finish() {
	build.VZEROUPPER()
	build.RET()
}
