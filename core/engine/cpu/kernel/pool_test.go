package kernel

import (
	"errors"
	"math"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/panics"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPoolRunsEachTaskOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 5} {
		p := NewPool(threads)
		for _, tasks := range []int{0, 1, 2, 7, 1000} {
			for range 50 {
				counts := make([]atomic.Int32, tasks)
				inside := make([]atomic.Int32, p.Workers())
				p.Run(tasks, func(worker, task int) {
					if inside[worker].Add(1) != 1 {
						t.Error("two tasks with one worker number at a time")
					}
					counts[task].Add(1)
					inside[worker].Add(-1)
				})
				for i := range counts {
					if n := counts[i].Load(); n != 1 {
						t.Fatalf("%d threads: task %d of %d ran %d times", threads, i, tasks, n)
					}
				}
			}
		}
		p.Close()
	}
}

func TestPoolNestedAndConcurrentRuns(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	var total atomic.Int64
	var callers conc.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range 100 {
				p.Run(5, func(_, _ int) {
					p.Run(3, func(worker, _ int) {
						s := p.Scratch(worker, 100)
						s[0], s[99] = 1, 1
						total.Add(int64(s[0] + s[99]))
					})
				})
			}
		})
	}
	callers.Wait()
	if got, want := total.Load(), int64(4*100*5*3*2); got != want {
		t.Fatalf("ran %d, want %d", got, want)
	}
}

func TestPoolPanicReachesCaller(t *testing.T) {
	cause := errors.New("broken")
	for _, threads := range []int{1, 2, 5} {
		p := NewPool(threads)
		for task := range 8 {
			func() {
				defer func() {
					v := recover()
					if r, ok := v.(*panics.Recovered); ok {
						v = r.Value
					}
					if v != cause {
						t.Errorf("%d threads: recovered %v", threads, v)
					}
				}()
				p.Run(8, func(_, i int) {
					if i == task {
						panic(cause)
					}
				})
				t.Errorf("%d threads: no panic", threads)
			}()
		}
		done := atomic.Int32{}
		p.Run(8, func(_, _ int) { done.Add(1) })
		if done.Load() != 8 {
			t.Errorf("%d threads: the pool is broken after a panic", threads)
		}
		p.Close()
		p.Close()
	}
}

// TestPoolFlushesDenormals: inside a task where the CPU lets the pool say so, which comes with AVX2; never outside.
func TestPoolFlushesDenormals(t *testing.T) {
	flushes := AVX2.supported()
	p := NewPool(2)
	defer p.Close()
	tiny := math.Float32frombits(1 << 20)
	one := float32(1)
	for range 20 {
		p.Run(64, func(_, _ int) {
			if (tiny*one == 0) != flushes {
				t.Errorf("inside a task a denormal becomes %g; flushed: %t", tiny*one, flushes)
			}
		})
		if tiny*one == 0 {
			t.Fatal("the caller's thread still flushes denormals")
		}
	}
}

func TestPoolRunDoesNotAllocate(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	var n atomic.Int64
	f := func(worker, _ int) {
		p.Scratch(worker, 5000)
		p.Scratch(worker, 50000)
		n.Add(1)
	}
	p.Run(100, f)
	p.Run(100, f)
	if a := testing.AllocsPerRun(100, func() { p.Run(100, f) }); a >= 1 {
		t.Errorf("%v allocations a Run", a)
	}
}

func TestScratchIsAligned(t *testing.T) {
	var a arena
	for round := range 3 {
		for _, n := range []int{1, 17, 1 << 14, 3, 1 << 16, 0} {
			s := a.floats(n)
			if len(s) != n {
				t.Fatalf("got %d floats, want %d", len(s), n)
			}
			if r := address(s) % 64; n > 0 && r != 0 {
				t.Fatalf("round %d: %d floats start %d bytes after a cache line's start", round, n, r)
			}
		}
		a.reset()
		if len(a.blocks) != 1 {
			t.Fatalf("%d blocks after reset", len(a.blocks))
		}
	}
}

func BenchmarkPoolRun(b *testing.B) {
	p := NewPool(0)
	defer p.Close()
	f := func(_, _ int) {}
	for b.Loop() {
		p.Run(4, f)
	}
}

func address(s []float32) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(s))) }
