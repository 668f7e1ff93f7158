package bench

import (
	"time"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
)

// How long the peak is looked for at a time: longer than a clock takes to rise, shorter than patience; and between other
// measurements, when it has risen.
const (
	peakTime   = 60 * time.Millisecond
	peakGlance = 15 * time.Millisecond
)

// Peak measures what the pool's threads can do at the most, in GFLOP/s: the best of many short runs of the inner product
// kernel on operands in the first-level cache, each fused multiply-add counted as two. Other load on the machine, or a
// slow spell of a virtual one, lowers it: measurements look again between their parts, and keep the best.
func Peak(pool *kernel.Pool) float64 { return peakWithin(kernel.Peak, pool, peakTime) }

// peakWithin looks at a peak for some time.
func peakWithin(peak func(*kernel.Pool) float64, pool *kernel.Pool, limit time.Duration) float64 {
	best := 0.0
	for begin := time.Now(); time.Since(begin) < limit; {
		start := time.Now()
		flop := peak(pool)
		best = max(best, flop/float64(time.Since(start).Nanoseconds()))
	}
	return best
}
