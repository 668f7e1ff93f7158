package kernel

import (
	"math"
	"time"
)

// rateRounds is how often DotRate looks at each of the two kernels; the best counts.
const rateRounds = 8

// DotRate measures on one thread how many multiply-adds of bfloat16 numbers this CPU does in the time of one of float32
// numbers: a half, one or two, whichever is nearest, so that a disturbed measurement says the same; 0 where it has no
// instruction for them. It takes about 50 milliseconds.
func DotRate() float64 {
	list := ISAs()
	isa := list[len(list)-1]
	if !isa.rounds() {
		return 0
	}
	p := NewPool(1, WithISA(isa), WithDots(Everywhere))
	defer p.Close()
	floats, dots := math.Inf(1), math.Inf(1)
	for range rateRounds {
		floats, dots = min(floats, peakTime(p)), min(dots, peakTime(p.dots))
	}
	return nearestRate(2 * floats / dots) // a pair is two
}

// peakTime is the time of Peak in seconds.
func peakTime(p *Pool) float64 {
	start := time.Now()
	Peak(p)
	return time.Since(start).Seconds()
}

// nearestRate is the power of two between a half and two that is the fewest times greater or smaller.
func nearestRate(rate float64) float64 {
	return math.Exp2(max(-1, min(1, math.Round(math.Log2(rate)))))
}

// DotRate is the rate of WithDots; 0 where the pool multiplies in float32 only.
func (p *Pool) DotRate() float64 {
	if p.dots == nil {
		return 0
	}
	return p.dotRate
}

// DotPeak is Peak of products in bfloat16; 0 where there are none.
func DotPeak(p *Pool) float64 {
	if p.dots == nil {
		return 0
	}
	return 2 * Peak(p.dots)
}
