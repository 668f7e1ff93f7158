// Command gen writes the package's assembly, kernels_amd64.s, and its Go declarations, kernels_amd64.go.
package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	build.Package("github.com/sslctl/sslctl/core/data/jpeg")
	idct()
	build.Generate()
}

// idct writes the plain idct, a block's rows or columns in the lanes of eight vectors.
func idct() {
	build.TEXT("idctAVX2", attr.NOSPLIT, "func(dst *uint8, stride int, b *block)")
	build.Pragma("noescape")
	build.Doc("idctAVX2 is the plain idct; dst has 8 pixels in each of 8 rows, stride bytes apart.")
	b := build.Load(build.Param("b"), build.GP64())
	x := make([]reg.VecVirtual, 8)
	for i := range x {
		x[i] = build.YMM()
		build.VMOVDQU(operand.Mem{Base: b, Disp: 32 * i}, x[i])
	}
	x = columns(transposed(rows(x)))
	store(x)
	build.VZEROUPPER()
	build.RET()
}

// rows is the plain idctRow; vector i holds coefficient i of all rows.
func rows(x []reg.VecVirtual) []reg.VecVirtual {
	x0, x7, x2, x5, x1, x6, x3, x4 := x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
	for _, v := range []reg.VecVirtual{x0, x1} {
		build.VPSLLD(operand.U8(17), v, v)
	}
	butterfly(x0, x1)
	x2, x3 = rotate(x2, x3, 70936, -171254)
	butterfly(x1, x2)
	butterfly(x0, x3)

	for _, v := range []reg.VecVirtual{x4, x7} {
		build.VPSLLD(operand.U8(7), v, v)
	}
	butterfly(x7, x4)
	scale(181, x5, x6)
	odd(x4, x5, x6, x7, 2)
	return finish(x0, x1, x2, x3, x4, x5, x6, x7)
}

// columns is the plain idctColumn; vector i holds row i.
func columns(x []reg.VecVirtual) []reg.VecVirtual {
	x0, x7, x2, x5, x1, x6, x3, x4 := x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
	build.VPADDD(constant(1<<19), x0, x0)
	butterfly(x0, x1)
	shift(2, x0, x1)
	shift(13, x2, x3)
	x2, x3 = rotate(x2, x3, 1108, -2676)
	butterfly(x1, x2)
	butterfly(x0, x3)

	butterfly(x7, x4)
	shift(13, x5, x6)
	scale(11585, x5, x6)
	odd(x4, x5, x6, x7, 14)
	y := finish(x0, x1, x2, x3, x4, x5, x6, x7)
	shift(18, y...)
	return y
}

// odd is what both passes do with the odd half before the last butterflies: it changes its vectors in place.
func odd(x4, x5, x6, x7 reg.VecVirtual, drop uint8) {
	butterfly(x7, x5)
	butterfly(x4, x6)
	shift(drop, x4, x5, x6, x7)
	for _, r := range []struct {
		a, b       reg.VecVirtual
		kcos, ksin int32
	}{{x4, x7, 3406, -2276}, {x5, x6, 4017, -799}} {
		a, b := rotate(r.a, r.b, r.kcos, r.ksin)
		build.VMOVDQA(a, r.a)
		build.VMOVDQA(b, r.b)
	}
}

// finish joins the even half and the odd one.
func finish(x0, x1, x2, x3, x4, x5, x6, x7 reg.VecVirtual) []reg.VecVirtual {
	butterfly(x0, x7)
	butterfly(x1, x6)
	butterfly(x2, x5)
	butterfly(x3, x4)
	return []reg.VecVirtual{x0, x1, x2, x3, x4, x5, x6, x7}
}

// butterfly makes a the sum and b the difference.
func butterfly(a, b reg.VecVirtual) {
	difference := build.YMM()
	build.VPSUBD(b, a, difference)
	build.VPADDD(b, a, a)
	build.VMOVDQA(difference, b)
}

// rotate is the plain rotate.
func rotate(x0, x1 reg.VecVirtual, kcos, ksin int32) (y0, y1 reg.VecVirtual) {
	y0, y1 = build.YMM(), build.YMM()
	build.VPADDD(x1, x0, y0)
	build.VPMULLD(constant(kcos), y0, y0)
	build.VPMULLD(constant(kcos+ksin), x0, x0)
	build.VPSUBD(x0, y0, y1)
	build.VPMULLD(constant(ksin-kcos), x1, x1)
	build.VPADDD(x1, y0, y0)
	return y0, y1
}

func shift(n uint8, all ...reg.VecVirtual) {
	for _, v := range all {
		build.VPSRAD(operand.U8(n), v, v)
	}
}

func scale(k int32, all ...reg.VecVirtual) {
	for _, v := range all {
		build.VPMULLD(constant(k), v, v)
	}
}

// transposed exchanges lanes and vectors.
func transposed(x []reg.VecVirtual) []reg.VecVirtual {
	// Pairs of rows become pairs of columns, then fours, each in both halves of the vectors; then the halves change places.
	pairs := make([]reg.VecVirtual, 8)
	for i := 0; i < 8; i += 2 {
		pairs[i], pairs[i+1] = build.YMM(), build.YMM()
		build.VPUNPCKLDQ(x[i+1], x[i], pairs[i])
		build.VPUNPCKHDQ(x[i+1], x[i], pairs[i+1])
	}
	fours := make([]reg.VecVirtual, 8)
	for i := 0; i < 8; i += 4 {
		for j := range 2 {
			fours[i+2*j], fours[i+2*j+1] = build.YMM(), build.YMM()
			build.VPUNPCKLQDQ(pairs[i+2+j], pairs[i+j], fours[i+2*j])
			build.VPUNPCKHQDQ(pairs[i+2+j], pairs[i+j], fours[i+2*j+1])
		}
	}
	out := make([]reg.VecVirtual, 8)
	for i := range 4 {
		out[i], out[i+4] = build.YMM(), build.YMM()
		build.VPERM2I128(operand.U8(0x20), fours[4+i], fours[i], out[i])
		build.VPERM2I128(operand.U8(0x31), fours[4+i], fours[i], out[i+4])
	}
	return out
}

// store clamps rows to -128..127 by saturation, shifts them to 0..255 and writes them.
func store(rows []reg.VecVirtual) {
	dst, stride := build.Load(build.Param("dst"), build.GP64()), build.Load(build.Param("stride"), build.GP64())
	order, level := build.YMM(), build.YMM()
	build.VMOVDQU(table("order", func(i int) uint32 { return uint32(i/2 + i%2*4) }), order)
	build.VMOVDQU(constant(-0x7f7f7f80), level) // 0x80 in every byte
	for i := 0; i < 8; i += 4 {
		four, other := build.YMM(), build.YMM()
		build.VPACKSSDW(rows[i+1], rows[i], four)
		build.VPACKSSDW(rows[i+3], rows[i+2], other)
		build.VPACKSSWB(other, four, four)
		build.VPXOR(level, four, four)
		build.VPERMD(four, order, four) // the packs work on halves: bring the halves of a row together
		high := build.XMM()
		build.VEXTRACTI128(operand.U8(1), four, high)
		for _, two := range []reg.Register{four.AsX(), high} {
			build.VMOVQ(two, operand.Mem{Base: dst})
			build.VPEXTRQ(operand.U8(1), two, operand.Mem{Base: dst, Index: stride, Scale: 1})
			build.LEAQ(operand.Mem{Base: dst, Index: stride, Scale: 2}, dst)
		}
	}
}

// constant is the place of a vector with all lanes equal.
func constant(v int32) operand.Mem {
	return table(fmt.Sprintf("all%08x", uint32(v)), func(int) uint32 { return uint32(v) })
}

// table is the place of a vector of constants; a name stands for one table.
func table(name string, value func(lane int) uint32) operand.Mem {
	m, ok := tables[name]
	if !ok {
		m = build.GLOBL(name, attr.RODATA|attr.NOPTR)
		for i := range 8 {
			build.DATA(4*i, operand.U32(value(i)))
		}
		tables[name] = m
	}
	return m
}

var tables = map[string]operand.Mem{}
