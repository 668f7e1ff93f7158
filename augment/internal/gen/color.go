package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// affine writes brightness and contrast.
func affine(s simd) {
	function("affine"+s.name, "func(pix []uint8, f, a, b float32)", "is the plain affine for a multiple of 16 values.")
	pix, n := slice("pix")
	f, a, b := s.scalar("f"), s.scalar("a"), s.scalar("b")
	zero, top := s.zero(), s.float(255)
	s.forBytes(n, func(i reg.Register) {
		v := s.loadFloats(indexed(pix, i, 1, 0))
		build.VMULPS(f, v, v)
		build.VFMADD231PS(a, b, v)
		s.storeClamped(v, indexed(pix, i, 1, 0), zero, top)
	})
	finish()
}

// rgb is a vector of each channel.
type rgb struct{ r, g, b reg.VecVirtual }

// planes loads the bases of three planes and the length of the first.
func planes() (p [3]reg.GPVirtual, n reg.GPVirtual) {
	p[0], n = slice("r")
	p[1], p[2] = base("g"), base("b")
	return p, n
}

func (s simd) loadRGB(p [3]reg.GPVirtual, i reg.Register) rgb {
	return rgb{s.loadFloats(indexed(p[0], i, 1, 0)), s.loadFloats(indexed(p[1], i, 1, 0)), s.loadFloats(indexed(p[2], i, 1, 0))}
}

// luminance returns a function that leaves the luminance, not yet rounded down, in a new vector.
func (s simd) luminance() func(v rgb) reg.VecVirtual {
	wr, wg, wb := s.float(0.2989), s.float(0.587), s.float(0.114)
	return func(v rgb) reg.VecVirtual {
		y := s.vec()
		build.VMULPS(wr, v.r, y)
		build.VFMADD231PS(wg, v.g, y)
		build.VFMADD231PS(wb, v.b, y)
		return y
	}
}

// luminanceSum writes the sum for contrast. Lanes hold 32 bits: enough for 134 million pixels.
func luminanceSum(s simd) {
	function("luminanceSum"+s.name, "func(r, g, b []uint8) int", "is the plain luminanceSum over len(r) pixels, a multiple of 16 and not 0.")
	p, n := planes()
	luminance := s.luminance()
	sum := s.zero()
	s.forBytes(n, func(i reg.Register) {
		y := luminance(s.loadRGB(p, i))
		build.VCVTTPS2DQ(y, y)
		build.VPADDD(y, sum, sum)
	})
	build.Store(s.total(sum), build.ReturnIndex(0))
	finish()
}

// total adds up the lanes of a vector of integers.
func (s simd) total(v reg.VecVirtual) reg.GPVirtual {
	if s.wide() {
		high := build.YMM()
		build.VEXTRACTI64X4(operand.U8(1), v, high)
		build.VPADDD(high, v.AsY(), high)
		v = high
	}
	x, y := build.XMM(), build.XMM()
	build.VEXTRACTI128(operand.U8(1), v, x)
	build.VPADDD(x, v.AsX(), x)
	build.VPSHUFD(operand.U8(0x4e), x, y)
	build.VPADDD(y, x, x)
	build.VPSHUFD(operand.U8(0xb1), x, y)
	build.VPADDD(y, x, x)
	sum := build.GP64()
	build.VMOVD(x, sum.As32())
	return sum
}

// sumBytes writes the sum for contrast of one channel.
func sumBytes() {
	function("sumBytesAVX2", "func(pix []uint8) int", "adds up the bytes, a multiple of 32 and not 0.")
	pix, n := slice("pix")
	zero, sum, v := build.YMM(), build.YMM(), build.YMM()
	build.VPXOR(zero, zero, zero)
	build.VPXOR(sum, sum, sum)
	i := build.GP64()
	build.XORQ(i, i)
	build.Label("loop")
	build.VPSADBW(indexed(pix, i, 1, 0), zero, v)
	build.VPADDQ(v, sum, sum)
	build.ADDQ(imm(32), i)
	build.CMPQ(i, n)
	build.JL(label("loop"))
	x, y := build.XMM(), build.XMM()
	build.VEXTRACTI128(operand.U8(1), sum, x)
	build.VPADDQ(x, sum.AsX(), x)
	build.VPSHUFD(operand.U8(0x4e), x, y)
	build.VPADDQ(y, x, x)
	total := build.GP64()
	build.VMOVQ(x, total)
	build.Store(total, build.ReturnIndex(0))
	finish()
}

// saturate writes the blend with the luminance.
func saturate(s simd) {
	function("saturate"+s.name, "func(r, g, b []uint8, f, rest float32)", "is the plain saturate for a multiple of 16 pixels.")
	p, n := planes()
	luminance := s.luminance()
	f, rest := s.scalar("f"), s.scalar("rest")
	zero, top := s.zero(), s.float(255)
	s.forBytes(n, func(i reg.Register) {
		v := s.loadRGB(p, i)
		y := luminance(v)
		s.roundDown(y)
		for c, x := range []reg.VecVirtual{v.r, v.g, v.b} {
			build.VMULPS(f, x, x)
			build.VFMADD231PS(y, rest, x)
			s.storeClamped(x, indexed(p[c], i, 1, 0), zero, top)
		}
	})
	finish()
}

// roundDown rounds positive floats down to whole ones.
func (s simd) roundDown(v reg.VecVirtual) {
	if s.wide() {
		build.VRNDSCALEPS(operand.U8(3), v, v)
	} else {
		build.VROUNDPS(operand.U8(3), v, v)
	}
}

// gray writes grayscale.
func gray(s simd) {
	function("gray"+s.name, "func(r, g, b []uint8)", "is the plain gray for a multiple of 16 pixels.")
	p, n := planes()
	luminance := s.luminance()
	s.forBytes(n, func(i reg.Register) {
		y := luminance(s.loadRGB(p, i))
		build.VCVTTPS2DQ(y, y)
		for _, plane := range p {
			s.storeInts(y, indexed(plane, i, 1, 0), false)
		}
	})
	finish()
}
