package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// widen writes the conversion of bytes to floats.
func widen(s simd) {
	function("widen"+s.name, "func(dst []float32, src []uint8)", "is the plain widen for 16 or more values.")
	dst := base("dst")
	src, n := slice("src")
	s.overlapped(n, []int{1}, func(i reg.Register, vectors int) {
		v := s.loadFloats(indexed(src, i, 1, 0))
		build.VMOVUPS(v, indexed(dst, i, 4, 0))
	})
	finish()
}

// overlapped runs the body over n values in blocks of so many vectors, in falling order; n is at least the last block. What is left over is
// done with the last block moved back to end at n, parts of it a second time.
func (s simd) overlapped(n reg.Register, blocks []int, body func(i reg.Register, vectors int)) {
	i, left := build.GP64(), build.GP64()
	build.XORQ(i, i)
	build.Label("next")
	build.MOVQ(n, left)
	build.SUBQ(i, left)
	build.JLE(label("done"))
	for k, vectors := range blocks {
		other := fmt.Sprintf("after%d", k)
		build.CMPQ(left, imm(vectors*s.lanes))
		if k < len(blocks)-1 {
			build.JL(label(other))
		} else {
			build.JGE(label(other))
			build.LEAQ(at(n, -vectors*s.lanes), i)
			build.Label(other)
		}
		body(i, vectors)
		build.ADDQ(imm(vectors*s.lanes), i)
		build.JMP(label("next"))
		if k < len(blocks)-1 {
			build.Label(other)
		}
	}
	build.Label("done")
}

// weigh writes the weighted sum of pairs of values that lie pitch bytes and multiples of it before and after centre, where
// weights has n entries after the first.
func (s simd) weigh(name string, vectors int, centre, pitch, weights, n reg.Register) []reg.VecVirtual {
	w, before, after, p, t := s.vec(), build.GP64(), build.GP64(), build.GP64(), build.GP64()
	sums := s.vecs(vectors)
	build.VBROADCASTSS(at(weights, 0), w)
	for k, sum := range sums {
		build.VMULPS(at(centre, k*s.bytes()), w, sum)
	}
	build.MOVQ(centre, before)
	build.MOVQ(centre, after)
	build.LEAQ(at(weights, 4), p)
	build.MOVQ(n, t)
	build.Label(name)
	build.SUBQ(pitch, before)
	build.ADDQ(pitch, after)
	build.VBROADCASTSS(at(p, 0), w)
	for k, sum := range sums {
		x := s.vec()
		build.VMOVUPS(at(before, k*s.bytes()), x)
		build.VADDPS(at(after, k*s.bytes()), x, x)
		build.VMULPS(w, x, x)
		build.VADDPS(x, sum, sum)
	}
	build.ADDQ(imm(4), p)
	build.DECQ(t)
	build.JNZ(label(name))
	return sums
}

// weighColumns writes the vertical pass of the blur.
func weighColumns(s simd) {
	function("weighColumns"+s.name, "func(dst, src []float32, pitch int, w []float32)", "is the plain weighColumns for 16 or more values and 3 or more weights.")
	dst, n := slice("dst")
	middle, pitch := base("src"), param("pitch")
	weights, taps := slice("w")
	build.SHLQ(operand.U8(2), pitch)
	build.DECQ(taps)
	skip := build.GP64()
	build.MOVQ(taps, skip)
	build.IMULQ(pitch, skip)
	build.ADDQ(skip, middle)
	s.overlapped(n, []int{4, 1}, func(i reg.Register, vectors int) {
		p := build.GP64()
		build.LEAQ(indexed(middle, i, 4, 0), p)
		for k, sum := range s.weigh(fmt.Sprintf("tap%d", vectors), vectors, p, pitch, weights, taps) {
			build.VMOVUPS(sum, indexed(dst, i, 4, k*s.bytes()))
		}
	})
	finish()
}

// weighRow writes the horizontal pass of the blur.
func weighRow(s simd) {
	function("weighRow"+s.name, "func(dst []uint8, src, w []float32)", "is the plain weighRow for 16 or more values and 3 or more weights.")
	dst, n := slice("dst")
	middle := base("src")
	weights, taps := slice("w")
	build.DECQ(taps)
	build.LEAQ(indexed(middle, taps, 4, 0), middle)
	pitch := build.GP64()
	build.MOVQ(imm(4), pitch)
	s.overlapped(n, []int{4, 1}, func(i reg.Register, vectors int) {
		p := build.GP64()
		build.LEAQ(indexed(middle, i, 4, 0), p)
		for k, sum := range s.weigh(fmt.Sprintf("tap%d", vectors), vectors, p, pitch, weights, taps) {
			build.VCVTPS2DQ(sum, sum)
			s.storeInts(sum, indexed(dst, i, 1, k*s.lanes), true)
		}
	})
	finish()
}
