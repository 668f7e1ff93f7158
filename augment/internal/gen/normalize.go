package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// entry returns a vector with all lanes equal to an entry of an array argument.
func (s simd) entry(array reg.Register, i int) reg.VecVirtual {
	v := s.vec()
	build.VBROADCASTSS(at(array, 4*i), v)
	return v
}

// moments are a channel's constants; inverse is 1/std.
type moments struct{ mean, std, inverse reg.VecVirtual }

func (s simd) moments(mean, std, inverse reg.Register, channel int) moments {
	return moments{s.entry(mean, channel), s.entry(std, channel), s.entry(inverse, channel)}
}

// normalized loads bytes and returns (v/255 - mean) / std with the plain roundings. It divides without the division, which takes
// as long as all the rest: the product with the inverse is within two units in the last place, each correction with the
// exact remainder at least halves the error, and after the second the quotient is the rounded one (Markstein 1990).
func (s simd) normalized(from operand.Mem, scale reg.VecVirtual, m moments) reg.VecVirtual {
	v := s.loadFloats(from)
	build.VMULPS(scale, v, v)
	build.VSUBPS(m.mean, v, v)
	q, rest := s.vec(), s.vec()
	build.VMULPS(m.inverse, v, q)
	for range 2 {
		s.copy(v, rest)
		build.VFNMADD231PS(m.std, q, rest)
		build.VFMADD231PS(m.inverse, rest, q)
	}
	return q
}

// single writes the normalisation of one channel.
func single(s simd) {
	function("single"+s.name, "func(dst []float32, v []uint8, mean, std, inverse *[3]float32)", "normalises len(v) values, a multiple of 16 and not 0.")
	dst := base("dst")
	v, n := slice("v")
	scale, m := s.float(1.0/255), s.moments(param("mean"), param("std"), param("inverse"), 0)
	s.forBytes(n, func(i reg.Register) {
		build.VMOVUPS(s.normalized(indexed(v, i, 1, 0), scale, m), indexed(dst, i, 4, 0))
	})
	finish()
}

// interleave writes the normalisation of three channels. Lane 3j+c, counted through the three vectors that it stores, is pixel j of channel
// c. As 3 is prime to the number of lanes, one permutation a channel puts each pixel where it belongs in one of the three;
// blends gather them.
func interleave(s simd) {
	function("interleave"+s.name, "func(dst []float32, r, g, b []uint8, mean, std, inverse *[3]float32)", "normalises and interleaves len(r) pixels, a multiple of 16 and not 0.")
	dst := base("dst")
	p, n := planes()
	means, stds, inverses := param("mean"), param("std"), param("inverse")
	scale := s.float(1.0 / 255)
	constants := func(c int) (m moments, order reg.VecVirtual) {
		return s.moments(means, stds, inverses, c), s.table(orders[c]+s.name, func(lane int) uint32 { return uint32(pixelAt(lane, c, s.lanes)) })
	}
	var m [3]moments
	var order [3]reg.VecVirtual
	for c := range m {
		if s.wide() { // AVX2 lacks the registers to keep them
			m[c], order[c] = constants(c)
		}
	}
	blend := s.blender()
	s.forBytes(n, func(i reg.Register) {
		var v [3]reg.VecVirtual
		for c := range v {
			if !s.wide() {
				m[c], order[c] = constants(c)
			}
			v[c] = s.normalized(indexed(p[c], i, 1, 0), scale, m[c])
			build.VPERMPS(v[c], order[c], v[c])
		}
		for k := range 3 {
			// Lane l of vector k is of channel (k*lanes + l) mod 3.
			first := k * s.lanes % 3
			out := blend(v[first], v[(first+1)%3], v[(first+2)%3])
			build.VMOVUPS(out, at(dst, k*s.bytes()))
		}
		build.ADDQ(imm(3*s.bytes()), dst)
	})
	finish()
}

// orders names the tables of the permutations.
var orders = [3]string{"orderRed", "orderGreen", "orderBlue"}

// pixelAt is the pixel of channel c that belongs in a lane of one of the three vectors.
func pixelAt(lane, c, lanes int) int {
	for j := range lanes {
		if (3*j+c)%lanes == lane {
			return j
		}
	}
	panic("lanes are a multiple of 3")
}

// blender returns a function that takes lanes 0, 3, ... from a, 1, 4, ... from b and 2, 5, ... from c.
func (s simd) blender() func(a, b, c reg.VecVirtual) reg.VecVirtual {
	ones, twos := 0, 0
	for l := range s.lanes {
		switch l % 3 {
		case 1:
			ones |= 1 << l
		case 2:
			twos |= 1 << l
		}
	}
	if !s.wide() {
		return func(a, b, c reg.VecVirtual) reg.VecVirtual {
			out := s.vec()
			build.VBLENDPS(operand.U8(ones), b, a, out)
			build.VBLENDPS(operand.U8(twos), c, out, out)
			return out
		}
	}
	masks := [2]reg.OpmaskVirtual{build.K(), build.K()}
	for i, bits := range []int{ones, twos} {
		g := build.GP32()
		build.MOVL(imm(bits), g)
		build.KMOVW(g, masks[i])
	}
	return func(a, b, c reg.VecVirtual) reg.VecVirtual {
		out := s.vec()
		s.copy(a, out)
		build.VMOVAPS(b, masks[0], out)
		build.VMOVAPS(c, masks[1], out)
		return out
	}
}
