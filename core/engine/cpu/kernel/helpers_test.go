package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// random returns n normal numbers.
func random(r *rand.Rand, n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(r.NormFloat64())
	}
	return s
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// onAll runs a kernel on every instruction set of this CPU with 1, 2 and 5 threads, compares the first against the truth
// and demands the same bits of the others. kernel returns its output.
func onAll(t *testing.T, name string, want []float64, tolerance float64, kernel func(p *Pool) []float32) {
	t.Helper()
	for _, isa := range ISAs() {
		var first []float32
		for _, threads := range []int{1, 2, 5} {
			p := NewPool(threads, WithISA(isa))
			got := kernel(p)
			p.Close()
			if first == nil {
				first = got
				if err := compare(got, want, tolerance); err != nil {
					t.Errorf("%s on %v: %v", name, isa, err)
				}
				continue
			}
			for i := range got {
				if math.Float32bits(got[i]) != math.Float32bits(first[i]) {
					t.Errorf("%s on %v: element %d is %v with one thread, %v with %d", name, isa, i, first[i], got[i], threads)
					break
				}
			}
		}
	}
}

// compare checks that got is within tolerance of want, relative to the larger of the element and the root mean square.
func compare(got []float32, want []float64, tolerance float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d elements, want %d", len(got), len(want))
	}
	var squares float64
	for _, w := range want {
		squares += w * w
	}
	rms := math.Sqrt(squares / float64(max(1, len(want))))
	for i, w := range want {
		if math.IsNaN(w) && math.IsNaN(float64(got[i])) || w == float64(got[i]) {
			continue
		}
		if d := math.Abs(float64(got[i]) - w); !(d <= tolerance*max(math.Abs(w), rms)) {
			return fmt.Errorf("element %d of %d is %v, want %v", i, len(want), got[i], w)
		}
	}
	return nil
}

// poison fills a slice with NaN, to show that a kernel writes all of its output.
func poison(n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(math.NaN())
	}
	return s
}

func widen(s []float32) []float64 {
	w := make([]float64, len(s))
	for i, x := range s {
		w[i] = float64(x)
	}
	return w
}

// halfTolerance is half a unit in the last of the 8 bits of a bfloat16 number, and what float32 is allowed.
const halfTolerance = 1./256 + 1e-4

// rounded returns numbers in bfloat16; nil for nil.
func rounded(s []float32) []BF16 {
	if s == nil {
		return nil
	}
	h := make([]BF16, len(s))
	for i, x := range s {
		h[i] = Round(x)
	}
	return h
}

func floatsOf(h []BF16) []float32 {
	if h == nil {
		return nil
	}
	s := make([]float32, len(h))
	for i, x := range h {
		s[i] = x.Float()
	}
	return s
}
