package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// simd is an instruction set to write kernels for: AVX2 with FMA, or AVX-512 with F, BW, DQ and VL.
type simd struct {
	name  string
	lanes int // 32-bit values in a vector
}

var (
	avx2   = simd{name: "AVX2", lanes: 8}
	avx512 = simd{name: "AVX512", lanes: 16}
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

func (s simd) vecs(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = s.vec()
	}
	return v
}

func (s simd) copy(from, to reg.VecVirtual) { build.VMOVAPS(from, to) }

// float returns a vector with all lanes equal to the constant.
func (s simd) float(f float32) reg.VecVirtual {
	v := s.vec()
	build.VBROADCASTSS(constant(math.Float32bits(f)), v)
	return v
}

// int returns a vector with all lanes equal to the constant.
func (s simd) int(i int32) reg.VecVirtual {
	v := s.vec()
	build.VPBROADCASTD(constant(uint32(i)), v)
	return v
}

// scalar returns a vector with all lanes equal to a float32 argument.
func (s simd) scalar(name string) reg.VecVirtual {
	v := s.vec()
	build.VBROADCASTSS(address(build.Param(name)), v)
	return v
}

// table returns a vector of constants, one a lane; a name stands for one table.
func (s simd) table(name string, value func(lane int) uint32) reg.VecVirtual {
	m, ok := tables[name]
	if !ok {
		m = build.GLOBL(name, attr.RODATA|attr.NOPTR)
		for i := range s.lanes {
			build.DATA(4*i, operand.U32(value(i)))
		}
		tables[name] = m
	}
	v := s.vec()
	build.VMOVUPS(m, v)
	return v
}

var tables = map[string]operand.Mem{}

var constants = map[uint32]operand.Mem{}

// constant returns the place of 32 bits in the data segment. Floats are written as bits, because avo prints float operands as
// integers.
func constant(bits uint32) operand.Mem {
	if m, ok := constants[bits]; ok {
		return m
	}
	constants[bits] = build.ConstData(fmt.Sprintf("bits%08x", bits), operand.U32(bits))
	return constants[bits]
}

// function opens an assembly function that keeps no pointer it is given.
func function(name, signature, doc string) {
	build.TEXT(name, attr.NOSPLIT, signature)
	build.Pragma("noescape")
	build.Doc(strings.Split(name+" "+doc, "\n")...)
}

// param loads an argument of eight bytes.
func param(name string) reg.GPVirtual {
	return build.Load(build.Param(name), build.GP64()).(reg.GPVirtual)
}

// slice loads a slice's base and length.
func slice(name string) (first, length reg.GPVirtual) {
	return base(name), build.Load(build.Param(name).Len(), build.GP64()).(reg.GPVirtual)
}

// base loads a slice's base.
func base(name string) reg.GPVirtual {
	return build.Load(build.Param(name).Base(), build.GP64()).(reg.GPVirtual)
}

// address returns the operand of an argument, for instructions that read it in place.
func address(c gotypes.Component) operand.Mem {
	b, err := c.Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

func at(base reg.Register, disp int) operand.Mem { return operand.Mem{Base: base, Disp: disp} }

func indexed(base, index reg.Register, scale uint8, disp int) operand.Mem {
	return operand.Mem{Base: base, Index: index, Scale: scale, Disp: disp}
}

func label(name string) operand.LabelRef { return operand.LabelRef(name) }

func imm(n int) operand.Constant { return operand.U32(uint32(n)) }

// finish ends a function that used vector registers.
func finish() {
	build.VZEROUPPER()
	build.RET()
}
