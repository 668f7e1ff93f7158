package augment

import "math"

// fma32 is x*y+z rounded once, the fused multiply-add that Go lacks for float32. The product is exact in float64; where the
// sum is not, its last bit is made odd, so that the second rounding errs as a single one would.
func fma32(x, y, z float32) float32 {
	p, a := float64(x)*float64(y), float64(z)
	s := p + a
	// Knuth's two-sum: the error of s.
	t := s - p
	e := (p - (s - t)) + (a - t)
	if e != 0 {
		b := math.Float64bits(s)
		if b&1 == 0 {
			if (e > 0) == (s > 0) {
				b++
			} else {
				b--
			}
			s = math.Float64frombits(b)
		}
	}
	return float32(s)
}
