package augment

import "math"

// axis is a resampling filter along one axis as integers: output i is the sum over t of coef[i*taps+t] * input[first[i]+t],
// t below count[i], plus a half, shifted right by precision bits and clamped to 0..255. It is Pillow's filter, bit for
// bit (src/libImaging/Resample.c: precompute_coeffs, normalize_coeffs_8bpc).
type axis struct {
	taps         int // entries of coef for an output
	first, count []int32
	coef         []int32
	weights      []float64 // of one output, before rounding
}

const (
	precision = 32 - 8 - 2 // bits of a coefficient below the point
	half      = 1 << (precision - 1)
	support   = 2.0 // of the bicubic filter, in input pixels at scale 1
)

// fill prepares the filter from in samples to out samples, for n outputs from start on.
func (a *axis) fill(in, out, start, n int) {
	scale := float64(in) / float64(out)
	stretch := max(scale, 1) // downscaling widens the filter: antialias
	reach := support * stretch
	a.taps = int(math.Ceil(reach))*2 + 1
	a.first, a.count = grow(a.first, n), grow(a.count, n)
	a.coef, a.weights = grow(a.coef, n*a.taps), grow(a.weights, a.taps)
	for i := range n {
		middle := float64((float64(start+i) + 0.5) * scale)
		low := max(int(middle-reach+0.5), 0)
		count := min(int(middle+reach+0.5), in) - low
		a.first[i], a.count[i] = int32(low), int32(count)
		a.round(a.coef[i*a.taps:(i+1)*a.taps], count, float64(low)-middle+0.5, 1/stretch)
	}
}

// round writes n coefficients that sum to one, the filter taken at (x + offset) * scale, and zeros after them.
func (a *axis) round(coef []int32, n int, offset, scale float64) {
	sum := 0.0
	for x := range n {
		w := bicubic((float64(x) + offset) * scale)
		a.weights[x] = w
		sum += w
	}
	for x := range coef {
		if x >= n {
			coef[x] = 0
			continue
		}
		w := a.weights[x]
		if sum != 0 {
			w /= sum
		}
		coef[x] = int32(math.Copysign(0.5, w) + float64(w*(1<<precision)))
	}
}

// bicubic is Keys' cubic convolution with a = -1/2.
func bicubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return float64(float64(float64((a+2)*x-(a+3))*x)*x) + 1
	case x < 2:
		return float64(float64(float64(float64(float64(float64(x-5)*x)+8)*x)-4) * a)
	}
	return 0
}
