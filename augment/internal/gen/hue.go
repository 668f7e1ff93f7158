package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Predicates of a comparison of floats.
const (
	equal    = operand.U8(0)
	lessThan = operand.U8(1)
	atLeast  = operand.U8(13)
)

// pick sets a lane of dst to that of yes where a and b compare so.
func (s simd) pick(dst, yes, a, b reg.VecVirtual, predicate operand.U8) {
	s.choose(s.compare(a, b, predicate), dst, yes)
}

// compare leaves the lanes where a and b compare so in a mask: a vector, or a mask register.
func (s simd) compare(a, b reg.VecVirtual, predicate operand.U8) reg.Register {
	if s.wide() {
		k := build.K()
		build.VCMPPS(predicate, b, a, k)
		return k
	}
	mask := s.vec()
	build.VCMPPS(predicate, b, a, mask)
	return mask
}

// choose sets the lanes of dst that are in the mask to those of yes.
func (s simd) choose(mask reg.Register, dst, yes reg.VecVirtual) {
	if s.wide() {
		build.VMOVAPS(yes, mask, dst)
	} else {
		build.VBLENDVPS(mask, yes, dst, dst)
	}
}

// hue writes the turn of hue: the operations of the plain turn, in its order.
func hue(s simd) {
	function("hue"+s.name, "func(r, g, b []uint8, shift float32)", "is the plain turnHue for a multiple of 16 pixels.")
	p, n := planes()
	one := s.float(1)
	s.forBytes(n, func(i reg.Register) {
		v := s.loadRGB(p, i)
		from := s.float(1.0 / 255)
		for _, x := range []reg.VecVirtual{v.r, v.g, v.b} {
			build.VMULPS(from, x, x)
		}
		value := s.vec()
		build.VMAXPS(v.g, v.r, value)
		build.VMAXPS(v.b, value, value)
		h, saturation := s.hueOf(v, value, one)
		s.turn(h, one)
		s.storeColour(p, i, h, saturation, value, one)
	})
	finish()
}

// hueOf leaves hue and saturation in new vectors. A gray pixel divides by one, which gives zeros.
func (s simd) hueOf(v rgb, value, one reg.VecVirtual) (h, saturation reg.VecVirtual) {
	low, saturation, spread := s.vec(), s.vec(), s.vec()
	build.VMINPS(v.g, v.r, low)
	build.VMINPS(v.b, low, low)
	build.VSUBPS(low, value, saturation)
	s.copy(saturation, spread)
	s.pick(spread, one, value, low, equal)
	divisor := s.vec()
	s.copy(value, divisor)
	s.pick(divisor, one, value, low, equal)
	build.VDIVPS(divisor, saturation, saturation)
	h = s.sector(v, value, spread)
	build.VMULPS(s.float(1.0/6), h, h)
	build.VADDPS(one, h, h)
	s.wrap(h, one)
	return h, saturation
}

// sector leaves the hue in sixths of a turn, from -1 to 5, in a new vector: h = (x/spread + k) - y/spread, where x and y are how far
// two of the channels are below the largest. Blue is the largest unless one before it is.
func (s simd) sector(v rgb, value, spread reg.VecVirtual) reg.VecVirtual {
	x, y, k := s.vec(), s.vec(), s.float(4)
	s.copy(v.g, x)
	s.copy(v.r, y)
	choose := func(largest, first, second, offset reg.VecVirtual) {
		// One comparison, three choices.
		mask := s.compare(value, largest, equal)
		s.choose(mask, x, first)
		s.choose(mask, y, second)
		s.choose(mask, k, offset)
	}
	choose(v.g, v.r, v.b, s.float(2))
	choose(v.r, v.b, v.g, s.zero())
	for _, d := range []reg.VecVirtual{x, y} {
		build.VSUBPS(d, value, d)
		build.VDIVPS(spread, d, d)
	}
	build.VADDPS(k, x, x)
	build.VSUBPS(y, x, x)
	return x
}

// wrap subtracts one where h is at least one.
func (s simd) wrap(h, one reg.VecVirtual) {
	less := s.vec()
	build.VSUBPS(one, h, less)
	s.pick(h, less, h, one, atLeast)
}

// turn adds the shift and brings the hue back to 0..1.
func (s simd) turn(h, one reg.VecVirtual) {
	shifted, more := s.vec(), s.vec()
	build.VADDPS(s.scalar("shift"), h, shifted)
	s.copy(shifted, h)
	s.wrap(h, one)
	build.VADDPS(one, shifted, more)
	s.pick(h, more, shifted, s.zero(), lessThan)
}

// storeColour writes the three bytes of each pixel. They are chosen by sector from value, p, q and t, which it packs into one integer:
// a sector has a shift a channel.
func (s simd) storeColour(planes [3]reg.GPVirtual, i reg.Register, h, saturation, value, one reg.VecVirtual) {
	sector, part, rest := s.vec(), s.vec(), s.vec()
	build.VMULPS(s.float(6), h, h)
	build.VCVTTPS2DQ(h, sector)
	build.VCVTDQ2PS(sector, part)
	build.VSUBPS(part, h, part)
	build.VMULPS(saturation, part, part)
	build.VSUBPS(saturation, one, rest)
	t, q := s.vec(), s.vec()
	build.VADDPS(rest, part, t)
	build.VSUBPS(part, one, q)
	to := s.float(255 + 1 - 1e-3)
	packed := s.vec()
	build.VMULPS(to, value, packed)
	build.VCVTTPS2DQ(packed, packed)
	for k, x := range []reg.VecVirtual{rest, q, t} {
		build.VMULPS(value, x, x)
		build.VMULPS(to, x, x)
		build.VCVTTPS2DQ(x, x)
		build.VPSLLD(operand.U8(8*(k+1)), x, x)
		s.or(x, packed)
	}
	const v, p, qq, tt = 0, 8, 16, 24
	choices := [3][8]uint32{
		{v, qq, p, p, tt, v, v, 0}, // sector 6: the hue was rounded to a full turn
		{tt, v, v, qq, p, p, tt, 0},
		{p, p, tt, v, v, qq, p, 0},
	}
	for c, name := range []string{"red", "green", "blue"} {
		shift, x := s.table(name+s.name, func(lane int) uint32 { return choices[c][lane%8] }), s.vec()
		build.VPERMD(shift, sector, shift)
		build.VPSRLVD(shift, packed, x)
		if !s.wide() { // the store saturates
			build.VPAND(s.int(255), x, x)
		}
		s.storeInts(x, indexed(planes[c], i, 1, 0), false)
	}
}

func (s simd) or(x, dst reg.VecVirtual) {
	if s.wide() {
		build.VPORD(x, dst, dst)
	} else {
		build.VPOR(x, dst, dst)
	}
}
