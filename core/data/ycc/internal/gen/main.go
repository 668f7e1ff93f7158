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
	fullRange()
	double()
	build.Generate()
}

// fullRange writes the plain fullRange in 16-bit lanes. Factors beyond 16 bits are split: 91881 is 65536+26345, 46802 is 65536-18734
// and 116130 is 2*65536-14942, and whole multiples of 65536 need no multiplication.
func fullRange() {
	function("fullRangeAVX2", "func(to, y, cb, cr *uint8, vectors int)", "fullRangeAVX2 is the plain fullRange for vectors times 16 pixels.")
	to, y, cb, cr, n := param("to"), param("y"), param("cb"), param("cr"), param("vectors")
	middle := broadcast(128)
	build.Label("loop")
	l, u, v := widened(y, 0), widened(cb, 0), widened(cr, 0)
	build.VPSUBW(middle, u, u)
	build.VPSUBW(middle, v, v)

	r := rounded(v, 26345)
	build.VPADDW(v, r, r)
	build.VPADDW(l, r, r)
	b := rounded(u, -14942)
	build.VPADDW(u, b, b)
	build.VPADDW(u, b, b)
	build.VPADDW(l, b, b)
	g := weighed(u, v)
	build.VPSUBW(v, g, g)
	build.VPADDW(l, g, g)
	interleave(to, narrowed(r), narrowed(g), narrowed(b))

	build.ADDQ(operand.U8(16), y)
	build.ADDQ(operand.U8(16), cb)
	build.ADDQ(operand.U8(16), cr)
	build.ADDQ(operand.U8(48), to)
	build.DECQ(n)
	build.JNZ(operand.LabelRef("loop"))
	finish()
}

// rounded is (k*v + 1<<15) >> 16: the product's high half and the highest bit of its low half.
func rounded(v reg.VecVirtual, k int16) reg.VecVirtual {
	high, low := build.YMM(), build.YMM()
	build.VPMULHW(words(k), v, high)
	build.VPMULLW(words(k), v, low)
	build.VPSRLW(operand.U8(15), low, low)
	build.VPADDW(low, high, high)
	return high
}

// weighed is (-22554*u + 18734*v + 1<<15) >> 16.
func weighed(u, v reg.VecVirtual) reg.VecVirtual {
	low, high := build.YMM(), build.YMM()
	build.VPUNPCKLWD(v, u, low)
	build.VPUNPCKHWD(v, u, high)
	factors := pairs(-22554, 18734)
	for _, x := range []reg.VecVirtual{low, high} {
		build.VPMADDWD(factors, x, x)
		build.VPADDD(doubles(1<<15), x, x)
		build.VPSRAD(operand.U8(16), x, x)
	}
	build.VPACKSSDW(high, low, low)
	return low
}

// narrowed clamps 16 lanes to bytes.
func narrowed(v reg.VecVirtual) reg.VecVirtual {
	high := build.XMM()
	build.VEXTRACTI128(operand.U8(1), v, high)
	build.VPACKUSWB(high, v.AsX(), high)
	return high
}

// interleave writes 16 pixels of three channels.
func interleave(to reg.Register, channels ...reg.VecVirtual) {
	for part := range 3 {
		sum := build.XMM()
		for c, values := range channels {
			picked := build.XMM()
			if c == 0 {
				picked = sum
			}
			build.VPSHUFB(spread(part, c), values, picked)
			if c > 0 {
				build.VPOR(picked, sum, sum)
			}
		}
		build.VMOVDQU(sum, operand.Mem{Base: to, Disp: 16 * part})
	}
}

// spread is the shuffle that brings a channel's values to their places in 16 of the 48 bytes of 16 pixels, and zeros elsewhere.
func spread(part, channel int) operand.Mem {
	return table(fmt.Sprintf("spread%d%d", part, channel), 16, func(i int) uint8 {
		if at := 16*part + i; at%3 == channel {
			return uint8(at / 3)
		}
		return 0x80
	})
}

// double writes the plain double for values that have neighbours: the sums at each place and its two neighbours, from memory
// again and again, and the pairs of results as the halves of 16-bit lanes.
func double() {
	function("doubleAVX2", "func(out, near, far *uint8, toLeft, toRight uint16, vectors int)",
		"doubleAVX2 is the plain double for vectors times 16 values, with another value on either side.")
	out, near, far, n := param("out"), param("near"), param("far"), param("vectors")
	left, right := build.YMM(), build.YMM()
	build.VPBROADCASTW(address("toLeft"), left)
	build.VPBROADCASTW(address("toRight"), right)
	sum := func(offset int) reg.VecVirtual {
		a, b, twice := widened(near, offset), widened(far, offset), build.YMM()
		build.VPADDW(a, a, twice)
		build.VPADDW(twice, a, a)
		build.VPADDW(b, a, a)
		return a
	}
	build.Label("loop")
	here := sum(0)
	triple := build.YMM()
	build.VPADDW(here, here, triple)
	build.VPADDW(here, triple, triple)
	before, after := sum(-1), sum(1)
	for _, side := range []struct{ sum, round reg.VecVirtual }{{before, left}, {after, right}} {
		build.VPADDW(triple, side.sum, side.sum)
		build.VPADDW(side.round, side.sum, side.sum)
		build.VPSRLW(operand.U8(4), side.sum, side.sum)
	}
	build.VPSLLW(operand.U8(8), after, after)
	build.VPOR(after, before, before)
	build.VMOVDQU(before, operand.Mem{Base: out})

	build.ADDQ(operand.U8(16), near)
	build.ADDQ(operand.U8(16), far)
	build.ADDQ(operand.U8(32), out)
	build.DECQ(n)
	build.JNZ(operand.LabelRef("loop"))
	finish()
}

// widened loads 16 bytes as 16-bit lanes.
func widened(from reg.Register, offset int) reg.VecVirtual {
	v := build.YMM()
	build.VPMOVZXBW(operand.Mem{Base: from, Disp: offset}, v)
	return v
}

// function opens an assembly function that keeps no pointer it is given.
func function(name, signature, doc string) {
	build.TEXT(name, attr.NOSPLIT, signature)
	build.Pragma("noescape")
	build.Doc(doc)
}

func param(name string) reg.GPVirtual {
	return build.Load(build.Param(name), build.GP64()).(reg.GPVirtual)
}

// address is the operand of an argument, for instructions that read it in place.
func address(name string) operand.Mem {
	b, err := build.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// finish ends a function that used vector registers.
func finish() {
	build.VZEROUPPER()
	build.RET()
}

func broadcast(k int16) reg.VecVirtual {
	v := build.YMM()
	build.VMOVDQU(words(k), v)
	return v
}

// words, pairs and doubles are the places of vectors of 16-bit values, of two in turn, and of 32-bit values.
func words(k int16) operand.Mem { return pairs(k, k) }

func pairs(a, b int16) operand.Mem { return doubles(uint32(uint16(a)) | uint32(uint16(b))<<16) }

func doubles(k uint32) operand.Mem {
	return table(fmt.Sprintf("all%08x", k), 32, func(i int) uint8 { return uint8(k >> (8 * (i % 4))) })
}

// table is the place of constants; a name stands for one table.
func table(name string, size int, value func(i int) uint8) operand.Mem {
	m, ok := tables[name]
	if !ok {
		m = build.GLOBL(name, attr.RODATA|attr.NOPTR)
		for i := range size {
			build.DATA(i, operand.U8(value(i)))
		}
		tables[name] = m
	}
	return m
}

var tables = map[string]operand.Mem{}
