package kernel

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// onPools times a kernel of the given number of floating point operations with one thread and with all. It reports the best
// run, which other load on the machine disturbs least; with one thread, by the processor's time.
func onPools(b *testing.B, flops float64, f func(p *Pool)) {
	for _, threads := range []int{1, runtime.GOMAXPROCS(0)} {
		b.Run(fmt.Sprintf("%dthr", threads), func(b *testing.B) {
			p := NewPool(threads)
			defer p.Close()
			clock := threadTime
			if threads > 1 {
				begin := time.Now()
				clock = func() time.Duration { return time.Since(begin) }
			}
			b.ReportMetric(flops/float64(best(b, clock, func() { f(p) }).Nanoseconds()), "best-GFLOP/s")
		})
	}
}

// best runs f as often as the benchmark wants, once in any case to warm up, and returns the shortest time.
func best(b *testing.B, clock func() time.Duration, f func()) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f()
	shortest := time.Duration(1 << 62)
	for b.Loop() {
		start := clock()
		f()
		shortest = min(shortest, clock()-start)
	}
	return shortest
}

// BenchmarkPeak measures what the product kernel does with operands in the first-level cache: the machine's share that the
// other benchmarks can be held against.
func BenchmarkPeak(b *testing.B) {
	for _, isa := range ISAs() {
		b.Run(isa.String(), func(b *testing.B) {
			const depth, repeats = 128, 2000
			rows := isa.maxRows()
			p := NewPool(1, WithISA(isa))
			defer p.Close()
			shortest := best(b, threadTime, func() {
				p.Run(1, func(worker, _ int) {
					t := &p.slots[worker].tile
					t.a, t.b, t.c = &p.Scratch(worker, rows*depth)[0], &p.Scratch(worker, 32*depth)[0], &p.Scratch(worker, rows*32)[0]
					t.taps, t.ntaps, t.kc, t.ks, t.alpha, t.flags = &noTaps[0], 1, depth, floatBytes, 1, 0
					t.contiguous(depth*floatBytes, isa.panel()*floatBytes)
					t.columns(isa, isa.panel())
					for range repeats {
						t.run(isa, rows, false)
					}
				})
			})
			b.ReportMetric(float64(2*repeats*depth*rows*isa.panel())/float64(shortest.Nanoseconds()), "best-GFLOP/s")
		})
	}
}

// BenchmarkBandwidth measures memory with tensors that no cache holds. Bytes read and bytes written count; that a cache line
// must be read before it is written does not.
func BenchmarkBandwidth(b *testing.B) {
	const n = 1 << 25
	x, y, z := Alloc(n), Alloc(n), Alloc(n)
	for _, k := range []struct {
		name    string
		tensors float64
		run     func(p *Pool)
	}{
		{"read", 1, func(p *Pool) { p.Sum(x) }},
		{"scale", 2, func(p *Pool) { p.Scalar(Mul, y, x, 2) }},
		{"add", 3, func(p *Pool) { p.Binary(Add, z, x, y) }},
	} {
		b.Run(k.name, func(b *testing.B) {
			for _, threads := range []int{1, runtime.GOMAXPROCS(0)} {
				b.Run(fmt.Sprintf("%dthr", threads), func(b *testing.B) {
					p := NewPool(threads)
					defer p.Close()
					begin := time.Now()
					shortest := best(b, func() time.Duration { return time.Since(begin) }, func() { k.run(p) })
					b.ReportMetric(4*n*k.tensors/float64(shortest.Nanoseconds()), "best-GB/s")
				})
			}
		})
	}
}
