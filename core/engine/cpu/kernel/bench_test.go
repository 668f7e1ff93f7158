package kernel

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// onPools times a kernel of the given number of floating point operations with one thread and with all, and reports the
// best run, which other load on the machine disturbs least.
func onPools(b *testing.B, flops float64, f func(p *Pool)) {
	for _, threads := range []int{1, runtime.GOMAXPROCS(0)} {
		b.Run(fmt.Sprintf("%dthr", threads), func(b *testing.B) {
			p := NewPool(threads)
			defer p.Close()
			f(p)
			best := time.Duration(1 << 62)
			for b.Loop() {
				start := time.Now()
				f(p)
				best = min(best, time.Since(start))
			}
			b.ReportMetric(flops/float64(best.Nanoseconds()), "best-GFLOP/s")
		})
	}
}

// BenchmarkPeak measures what the product kernel does with operands in the first-level cache: the machine's share that the
// other benchmarks can be held against.
func BenchmarkPeak(b *testing.B) {
	for _, isa := range ISAs() {
		b.Run(isa.String(), func(b *testing.B) {
			const depth, repeats = 128, 2000
			rows := isa.maxRows()
			threads := runtime.GOMAXPROCS(0)
			p := NewPool(threads, WithISA(isa))
			defer p.Close()
			best := time.Duration(1 << 62)
			for b.Loop() {
				start := time.Now()
				p.Run(threads, func(worker, _ int) {
					t := &p.slots[worker].tile
					t.a, t.b, t.c = &p.Scratch(worker, rows*depth)[0], &p.Scratch(worker, 32*depth)[0], &p.Scratch(worker, rows*32)[0]
					t.taps, t.ntaps, t.kc, t.ks, t.alpha, t.flags = &noTaps[0], 1, depth, floatBytes, 1, 0
					t.contiguous(depth*floatBytes, isa.panel()*floatBytes)
					t.columns(isa.panel())
					for range repeats {
						t.run(isa, rows, false)
					}
				})
				best = min(best, time.Since(start))
			}
			b.ReportMetric(float64(2*threads*repeats*depth*rows*isa.panel())/float64(best.Nanoseconds()), "best-GFLOP/s")
		})
	}
}
