package kernel

import (
	"math"
	"slices"
	"testing"
)

// TestWithoutWinograd: a pool that is kept from Winograd's method computes the same convolution, with other bits and
// less rounding, and says so.
func TestWithoutWinograd(t *testing.T) {
	c := Conv{N: 4, H: 16, W: 16, C: 64, K: 64, R: 3, S: 3, Stride: 1, Pad: 1}
	r := newRand(3)
	x, w := random(r, c.N*c.H*c.W*c.C), random(r, c.R*c.S*c.C*c.K)
	run := func(p *Pool) []float32 {
		y := make([]float32, c.N*c.H*c.W*c.K)
		c.Forward(p, x, w, y)
		return y
	}
	for _, isa := range ISAs() {
		usual, direct := NewPool(2, WithISA(isa)), NewPool(2, WithISA(isa), WithoutWinograd())
		defer usual.Close()
		defer direct.Close()
		want := MethodWinograd
		if isa == Plain {
			want = MethodDirect
		}
		if a, b := usual.Method(c), direct.Method(c); a != want || b != MethodDirect {
			t.Errorf("%v: methods %s and %s", isa, a, b)
		}
		a, b := run(usual), run(direct)
		if slices.Equal(a, b) == (want == MethodWinograd) {
			t.Errorf("%v: equal bits: %v", isa, slices.Equal(a, b))
		}
		for i := range a {
			if math.Abs(float64(a[i]-b[i])) > 1e-2 {
				t.Fatalf("%v: output %d is %g and %g", isa, i, a[i], b[i])
			}
		}
		if got := usual.Method(Conv{N: 1, H: 4, W: 4, C: 8, K: 8, R: 1, S: 1, Stride: 1}); got != MethodProduct {
			t.Errorf("pointwise: %s", got)
		}
	}
}

// TestPeakCounts: Peak's operations are those of its tiles, more for more threads.
func TestPeakCounts(t *testing.T) {
	for _, isa := range ISAs() {
		one, two := NewPool(1, WithISA(isa)), NewPool(2, WithISA(isa))
		defer one.Close()
		defer two.Close()
		if a, b := Peak(one), Peak(two); a < 1e6 || b != 2*a {
			t.Errorf("%v: %g operations on one thread, %g on two", isa, a, b)
		}
	}
}
