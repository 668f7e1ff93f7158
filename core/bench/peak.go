package bench

import (
	"time"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
)

// peakTime is how long the peak is looked for: longer than a clock takes to rise, shorter than patience.
const peakTime = 150 * time.Millisecond

// Peak measures what the pool's threads can do at the most, in GFLOP/s: the best of many short runs of the inner product
// kernel on operands in the first-level cache, each fused multiply-add counted as two.
func Peak(pool *kernel.Pool) float64 {
	best := 0.0
	for begin := time.Now(); time.Since(begin) < peakTime; {
		start := time.Now()
		flop := kernel.Peak(pool)
		best = max(best, flop/float64(time.Since(start).Nanoseconds()))
	}
	return best
}
