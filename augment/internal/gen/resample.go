package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Constants of the integer filter, as in the package.
const (
	precision = 22
	rounding  = 1 << (precision - 1)
	laneRows  = 16 // rows that the horizontal pass takes at once
)

// transpose writes the kernel that turns rows of bytes into columns, eight rows of sixteen bytes at a time.
func transpose() {
	function("transposeAVX2", "func(dst, src *uint8, dstPitch, srcPitch, dstNext, srcNext, tiles, rows int)",
		"writes tiles of 16 rows and 8 columns, the transposes of 8 rows and 16 columns of src. Pitches lead to a tile's next row,\n"+
			"nexts to the next tile. Only the first rows rows of src exist; the last of them stands for the missing.")
	dst, src, dstPitch, srcPitch := param("dst"), param("src"), param("dstPitch"), param("srcPitch")
	dstNext, srcNext, tiles, rows := param("dstNext"), param("srcNext"), param("tiles"), param("rows")
	p, step, zero := build.GP64(), build.GP64(), build.GP64()
	build.XORQ(zero, zero)
	build.Label("tile")
	build.MOVQ(src, p)
	build.MOVQ(srcPitch, step)
	in := make([]reg.VecVirtual, 8)
	for r := range in {
		in[r] = build.XMM()
		build.VMOVDQU(at(p, 0), in[r])
		if r < 7 {
			build.CMPQ(rows, imm(r+1))
			build.CMOVQLE(zero, step)
			build.ADDQ(step, p)
		}
	}
	build.MOVQ(dst, p)
	for _, pair := range transposed(in) {
		build.VMOVLPS(pair, at(p, 0))
		build.ADDQ(dstPitch, p)
		build.VMOVHPS(pair, at(p, 0))
		build.ADDQ(dstPitch, p)
	}
	build.ADDQ(srcNext, src)
	build.ADDQ(dstNext, dst)
	build.DECQ(tiles)
	build.JNZ(label("tile"))
	finish()
}

// transposed interleaves bytes, then words, then double words: each result holds two columns of eight bytes.
func transposed(r []reg.VecVirtual) []reg.VecVirtual {
	type unpack func(ops ...operand.Op)
	stage := func(in []reg.VecVirtual, distance int, low, high unpack) []reg.VecVirtual {
		out := make([]reg.VecVirtual, 0, 8)
		for i := 0; i < 8; i += 2 * distance {
			for j := range distance {
				l, h := build.XMM(), build.XMM()
				low(in[i+distance+j], in[i+j], l)
				high(in[i+distance+j], in[i+j], h)
				out = append(out, l, h)
			}
		}
		return out
	}
	// Rows (0 1)(2 3)..., then quadruples of rows, then all: after a stage, vectors of a group stand in the order of their columns.
	b := stage(r, 1, build.VPUNPCKLBW, build.VPUNPCKHBW)
	w := stage(b, 2, build.VPUNPCKLWD, build.VPUNPCKHWD)
	return stage(w, 4, build.VPUNPCKLDQ, build.VPUNPCKHDQ)
}

// narrow writes the horizontal pass over 16 rows at once, transposed: a column is 16 bytes, a pixel a column a channel.
func narrow(s simd, channels int) {
	function(fmt.Sprintf("narrow%d%s", channels, s.name), "func(dst, src *uint8, first, count, coef []int32, taps, step, plane int)",
		fmt.Sprintf("writes len(first) columns a channel of %d: column i is the weighted sum of count[i] columns of src from first[i] on.\n"+
			"step bytes lead to dst's next column, plane bytes to its next channel.", channels))
	dst, src := param("dst"), param("src")
	first, outs := slice("first")
	count, coef := base("count"), base("coef")
	taps, step, plane := param("taps"), param("step"), param("plane")
	build.SHLQ(operand.U8(2), taps)
	half := s.int(rounding)
	i, from, n, w := build.GP64(), build.GP64(), build.GP64(), build.GP64()
	build.XORQ(i, i)
	build.Label("column")
	build.MOVLQSX(indexed(first, i, 4, 0), from)
	build.IMUL3Q(imm(laneRows*channels), from, from)
	build.ADDQ(src, from)
	build.MOVLQSX(indexed(count, i, 4, 0), n)
	build.MOVQ(coef, w)
	sums := s.vecs(channels * laneRows / s.lanes)
	for _, v := range sums {
		s.copy(half, v)
	}
	build.Label("tap")
	s.accumulate(sums, w, from)
	build.ADDQ(imm(laneRows*channels), from)
	build.ADDQ(imm(4), w)
	build.DECQ(n)
	build.JNZ(label("tap"))
	per := laneRows / s.lanes
	to := build.GP64()
	build.MOVQ(dst, to)
	for c := range channels {
		if c > 0 {
			build.ADDQ(plane, to)
		}
		s.storeSums(sums[c*per:(c+1)*per], to)
	}
	build.ADDQ(step, dst)
	build.ADDQ(taps, coef)
	build.INCQ(i)
	build.CMPQ(i, outs)
	build.JL(label("column"))
	finish()
}

// accumulate adds the coefficient times the bytes that follow each other at from.
func (s simd) accumulate(sums []reg.VecVirtual, coef, from reg.Register) {
	k := s.vec()
	build.VPBROADCASTD(at(coef, 0), k)
	for i, sum := range sums {
		x := s.loadInts(at(from, i*s.lanes))
		build.VPMULLD(k, x, x)
		build.VPADDD(x, sum, sum)
	}
}

// storeSums drops the fraction of the sums and writes them as bytes, clamped.
func (s simd) storeSums(sums []reg.VecVirtual, to reg.Register) {
	for i, v := range sums {
		build.VPSRAD(operand.U8(precision), v, v)
		s.storeInts(v, at(to, i*s.lanes), true)
	}
}

// combine writes the vertical pass of a channel.
func combine(s simd) {
	function("combine"+s.name, "func(dst, src []uint8, pitch int, first, count, coef []int32, taps, size int)",
		"is the plain combineRows for rows of 16 or more values.")
	dst, src, pitch := base("dst"), base("src"), param("pitch")
	first, rows := slice("first")
	count, coef := base("count"), base("coef")
	taps, size := param("taps"), param("size")
	build.SHLQ(operand.U8(2), taps)
	half := s.int(rounding)
	from := build.GP64()
	build.Label("row")
	build.MOVLQSX(at(first, 0), from)
	build.IMULQ(pitch, from)
	build.ADDQ(src, from)
	s.overlapped(size, combineBlocks[s.lanes], func(i reg.Register, vectors int) {
		sums := s.vecs(vectors)
		for _, v := range sums {
			s.copy(half, v)
		}
		p, w, t := build.GP64(), build.GP64(), build.GP64()
		build.LEAQ(indexed(from, i, 1, 0), p)
		build.MOVQ(coef, w)
		build.MOVLQSX(at(count, 0), t)
		name := fmt.Sprintf("tap%d", vectors)
		build.Label(name)
		s.accumulate(sums, w, p)
		build.ADDQ(pitch, p)
		build.ADDQ(imm(4), w)
		build.DECQ(t)
		build.JNZ(label(name))
		build.LEAQ(indexed(dst, i, 1, 0), p)
		s.storeSums(sums, p)
	})
	build.ADDQ(size, dst)
	build.ADDQ(imm(4), first)
	build.ADDQ(imm(4), count)
	build.ADDQ(taps, coef)
	build.DECQ(rows)
	build.JNZ(label("row"))
	finish()
}

// combineBlocks are the vectors of the vertical pass's blocks, by lanes: 16 values in the last.
var combineBlocks = map[int][]int{8: {4, 2}, 16: {4, 2, 1}}
