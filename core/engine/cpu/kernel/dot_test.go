package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// onDots is onAll for pools that multiply in bfloat16 wherever they can.
func onDots(t *testing.T, name string, want []float64, tolerance float64, kernel func(p *Pool) []float32) {
	t.Helper()
	for _, isa := range ISAs() {
		if !isa.Dots() {
			continue
		}
		var first []float32
		for _, threads := range []int{1, 3} {
			p := NewPool(threads, WithISA(isa), WithDots(Everywhere))
			got := kernel(p)
			p.Close()
			if first == nil {
				first = got
				if err := compare(got, want, tolerance); err != nil {
					t.Errorf("%s by dot products on %v: %v", name, isa, err)
				}
			}
			if !slices.EqualFunc(got, first, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
				t.Errorf("%s by dot products on %v: other bits with %d threads", name, isa, threads)
			}
		}
	}
}

// TestConvByDots compares convolutions and the gradients of their inputs with those of rounded weights in float64. The weights have
// bits that rounding takes, so that products in float32 are a hundred tolerances away.
func TestConvByDots(t *testing.T) {
	forward, backward, weights := 0, 0, 0
	for _, c := range convCases {
		r := newRand(12)
		oh, ow := c.OutSize()
		x, dy, w := rounded(random(r, c.N*c.H*c.W*c.C)), rounded(random(r, c.N*oh*ow*c.K)), random(r, c.R*c.S*c.C*c.K)
		y, dx, dw := convTruth(c, floatsOf(x), floatsOf(rounded(w)), floatsOf(dy))
		name := fmt.Sprintf("%+v", c)
		onDots(t, name+" backward weights", dw, 5e-5, func(p *Pool) []float32 {
			if p.Threads() == 1 && c.weightDots(p, Halves(x), Halves(dy)) {
				weights++
			}
			out := poison(len(dw))
			c.BackwardWeightsOf(p, Halves(x), Halves(dy), out)
			return out
		})
		if c.C%2 == 0 {
			forward++
			onDots(t, name+" forward", y, 5e-5, func(p *Pool) []float32 {
				out := poison(len(y))
				c.ForwardOf(p, Halves(x), w, Floats(out))
				return out
			})
			onDots(t, name+" forward to bfloat16", y, halfTolerance, func(p *Pool) []float32 {
				out := rounded(poison(len(y)))
				c.ForwardOf(p, Halves(x), w, Halves(out))
				return floatsOf(out)
			})
		}
		if c.K%2 == 0 {
			backward++
			onDots(t, name+" backward data", dx, 5e-5, func(p *Pool) []float32 {
				out := poison(len(dx))
				c.BackwardDataOf(p, Halves(dy), w, Floats(out))
				return out
			})
			onDots(t, name+" backward data to bfloat16", dx, halfTolerance, func(p *Pool) []float32 {
				out := rounded(poison(len(dx)))
				c.BackwardDataOf(p, Halves(dy), w, Halves(out))
				return floatsOf(out)
			})
		}
	}
	if min(forward, backward, weights) < 20 {
		t.Errorf("only %d, %d and %d convolutions have pairs", forward, backward, weights)
	}
}

// TestDotsAreChosen by the rate of the CPU, the storage and the shape: nowhere unless their rate is the greater, then in direct
// convolutions, and where Winograd's tiles lose much.
func TestDotsAreChosen(t *testing.T) {
	half, float := Halves([]BF16{}), Floats(nil)
	const never, faster, always = 3, 2, 0 // least rate at which they are
	for _, c := range []struct {
		Conv
		x, dy                   Array
		forward, data, weighted float64
	}{
		{Conv{16, 56, 56, 64, 256, 1, 1, 1, 0}, half, half, faster, faster, faster},
		{Conv{128, 32, 32, 64, 128, 3, 3, 2, 1}, half, half, faster, faster, faster},
		{Conv{128, 32, 32, 64, 128, 1, 1, 2, 0}, half, half, faster, faster, faster},
		{Conv{128, 32, 32, 64, 64, 3, 3, 1, 1}, half, half, always, always, always},
		{Conv{512, 28, 28, 32, 32, 3, 3, 1, 1}, half, half, faster, faster, faster},   // transforms cost as much as products
		{Conv{128, 8, 8, 256, 256, 3, 3, 1, 1}, half, half, always, always, faster},   // weights far from the core
		{Conv{512, 7, 7, 128, 128, 3, 3, 1, 1}, half, half, always, always, faster},   // tiles beyond the map's edge
		{Conv{16, 7, 7, 512, 512, 3, 3, 1, 1}, half, half, faster, faster, faster},    // filters transformed for few outputs
		{Conv{128, 32, 32, 3, 64, 3, 3, 1, 1}, float, half, never, faster, never},     // a first layer
		{Conv{128, 32, 32, 63, 64, 1, 1, 1, 0}, half, half, never, faster, faster},    // no pairs of channels
		{Conv{128, 32, 32, 64, 40, 1, 1, 1, 0}, half, half, faster, faster, never},    // no whole vectors of filters
		{Conv{128, 32, 32, 64, 64, 1, 1, 1, 0}, float, float, never, never, never},    // stored in float32
		{Conv{128, 32, 32, 64, 64, 3, 3, 2, 1}, half, float, faster, never, never},    // one of them
		{Conv{2, 8, 8, 64, 64, 3, 3, 1, 1}, half, half, faster, faster, faster},       // too few tiles for Winograd's method
		{Conv{0, 8, 8, 64, 64, 3, 3, 1, 1}, half, half, faster, faster, never},        // nothing to sum
		{Conv{128, 14, 14, 64, 64, 3, 3, 1, 1}, half, half, faster, faster, faster},   // tiles beyond the edge, and few channels
		{Conv{128, 28, 28, 128, 128, 3, 3, 1, 1}, half, half, always, always, always}, // what Winograd's method is best at
	} {
		for _, rate := range []float64{0.5, 1, 2, Everywhere} {
			p := &Pool{isa: AVX512, dotRate: rate, dots: &Pool{}}
			want := func(least float64) bool {
				return least != never && (rate == Everywhere || least == faster && rate == 2)
			}
			_, forward := c.forwardDots(p, c.x)
			_, data := c.backwardDots(p, c.dy)
			got, wanted := [3]bool{forward, data, c.weightDots(p, c.x, c.dy)}, [3]bool{want(c.forward), want(c.data), want(c.weighted)}
			if got != wanted {
				t.Errorf("%+v at a rate of %g: dot products forward, backward and of weights %v, want %v", c.Conv, rate, got, wanted)
			}
		}
	}
}

// TestNearestRate: measurements within a third of a rate are that rate.
func TestNearestRate(t *testing.T) {
	for _, want := range []float64{0.5, 1, 2} {
		for _, off := range []float64{0.75, 1, 1.33} {
			if got := nearestRate(want * off); got != want {
				t.Errorf("%g is taken for %g, not %g", want*off, got, want)
			}
		}
	}
	if a, b := nearestRate(0.1), nearestRate(9); a != 0.5 || b != 2 {
		t.Errorf("rates beyond all are taken for %g and %g", a, b)
	}
}

// BenchmarkConvByDots is BenchmarkConv with products in bfloat16.
func BenchmarkConvByDots(b *testing.B) {
	for _, c := range []Conv{
		{128, 32, 32, 64, 64, 3, 3, 1, 1}, {128, 16, 16, 128, 128, 3, 3, 1, 1}, {256, 14, 14, 64, 64, 3, 3, 1, 1},
		{16, 56, 56, 64, 256, 1, 1, 1, 0}, {16, 56, 56, 256, 64, 1, 1, 1, 0},
	} {
		r := newRand(10)
		oh, ow := c.OutSize()
		x, w, y := rounded(random(r, c.N*c.H*c.W*c.C)), random(r, c.R*c.S*c.C*c.K), rounded(random(r, c.N*oh*ow*c.K))
		flops := 2 * float64(len(y)) * float64(c.R*c.S*c.C)
		on := func(b *testing.B, run func(p *Pool)) {
			p := NewPool(1, WithDots(Everywhere))
			defer p.Close()
			b.ReportMetric(flops/float64(best(b, threadTime, func() { run(p) }).Nanoseconds()), "best-GFLOP/s")
		}
		b.Run(fmt.Sprintf("%v/fwd", c), func(b *testing.B) { on(b, func(p *Pool) { c.ForwardOf(p, Halves(x), w, Halves(y)) }) })
		b.Run(fmt.Sprintf("%v/bwd", c), func(b *testing.B) { on(b, func(p *Pool) { c.BackwardDataOf(p, Halves(y), w, Halves(x)) }) })
		b.Run(fmt.Sprintf("%v/wgrad", c), func(b *testing.B) { on(b, func(p *Pool) { c.BackwardWeightsOf(p, Halves(x), Halves(y), w) }) })
	}
}
