package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// loadInts widens bytes to a vector of 32-bit integers.
func (s simd) loadInts(from operand.Mem) reg.VecVirtual {
	v := s.vec()
	build.VPMOVZXBD(from, v)
	return v
}

// loadFloats widens bytes to a vector of floats.
func (s simd) loadFloats(from operand.Mem) reg.VecVirtual {
	v := s.loadInts(from)
	build.VCVTDQ2PS(v, v)
	return v
}

// storeInts writes the low bytes of a vector of integers between 0 and 255, or, where saturate says so, any integers clamped.
func (s simd) storeInts(v reg.VecVirtual, to operand.Mem, saturate bool) {
	switch {
	case s.wide() && saturate:
		zero := s.vec()
		build.VPXORD(zero, zero, zero)
		build.VPMAXSD(zero, v, v)
		build.VPMOVUSDB(v, to)
	case s.wide():
		build.VPMOVDB(v, to)
	default: // the packs saturate
		high := build.XMM()
		build.VEXTRACTI128(operand.U8(1), v, high)
		build.VPACKSSDW(high, v.AsX(), high)
		build.VPACKUSWB(high, high, high)
		build.VMOVQ(high, to)
	}
}

// storeClamped clamps floats to 0..255, rounds them down and writes them as bytes.
func (s simd) storeClamped(v reg.VecVirtual, to operand.Mem, zero, top reg.VecVirtual) {
	build.VMAXPS(zero, v, v)
	build.VMINPS(top, v, v)
	build.VCVTTPS2DQ(v, v)
	s.storeInts(v, to, false)
}

// zero returns a vector of zeros.
func (s simd) zero() reg.VecVirtual {
	v := s.vec()
	if s.wide() {
		build.VPXORD(v, v, v)
	} else {
		build.VXORPS(v, v, v)
	}
	return v
}

// forBytes runs the body for every vector's worth of bytes below n, which is a multiple of lanes and not 0: i counts bytes.
func (s simd) forBytes(n reg.Register, body func(i reg.Register)) {
	i := build.GP64()
	build.XORQ(i, i)
	build.Label("loop")
	body(i)
	build.ADDQ(imm(s.lanes), i)
	build.CMPQ(i, n)
	build.JL(label("loop"))
}
