package kernel

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

func bestOf(f func()) float64 {
	b := 1e9
	end := threadTime() + 300*time.Millisecond
	for i := 0; i < 5 || threadTime() < end; i++ {
		s := threadTime()
		f()
		b = min(b, (threadTime() - s).Seconds())
	}
	return b * 1e3
}

func TestTmpW(t *testing.T) {
	runtime.LockOSThread()
	for _, c := range []Conv{{128, 16, 16, 128, 128, 3, 3, 1, 1}, {128, 8, 8, 256, 256, 3, 3, 1, 1}, {128, 4, 4, 512, 512, 3, 3, 1, 1}, {512, 4, 4, 128, 128, 3, 3, 1, 1}} {
		p := NewPool(1)
		w, _ := c.winograd(p.isa)
		x, y, wt := make([]float32, c.N*c.H*c.W*c.C), make([]float32, c.N*c.H*c.W*c.K), make([]float32, 9*c.C*c.K)
		both := bestOf(func() { w.weights(p, x, y, wt) })
		gf := 2 * 9 * float64(c.N*c.H*c.W*c.C*c.K) / 1e6
		fmt.Printf("%d@%d wgrad all %.2f -> %.0f GF/s\n", c.C, c.H, both, gf/both)
		p.Close()
	}
}

func TestTmpPhases(t *testing.T) {
	runtime.LockOSThread()
	for _, c := range []Conv{{128, 32, 32, 64, 64, 3, 3, 1, 1}, {128, 16, 16, 128, 128, 3, 3, 1, 1}, {128, 8, 8, 256, 256, 3, 3, 1, 1}, {128, 4, 4, 512, 512, 3, 3, 1, 1}, {512, 14, 14, 32, 32, 3, 3, 1, 1}, {512, 7, 7, 64, 64, 3, 3, 1, 1}, {512, 4, 4, 128, 128, 3, 3, 1, 1}} {
		p := NewPool(1)
		w, _ := c.winograd(p.isa)
		x, y, wt := make([]float32, c.N*c.H*c.W*c.C), make([]float32, c.N*c.H*c.W*c.K), make([]float32, 9*c.C*c.K)
		for i := range x {
			x[i] = float32(i%100) * 0.01
		}
		for i := range wt {
			wt[i] = float32(i%100) * 0.01
		}
		a := p.borrow()
		u := w.newFilters(a, p.isa)
		tw := bestOf(func() { u.transform(p, wt) })
		tt := bestOf(func() { u.transformTurned(p, wt) })
		tiles := w.tiles()
		perTask := w.tilesPerTask(2)
		tasks := parts(tiles, perTask)
		var in, mul, out float64
		phase := func(which int) float64 {
			return bestOf(func() {
				p.Run(tasks, func(worker, task int) {
					t0, t1 := span(tiles, tasks, task)
					v, m := newSpaced(t1-t0, w.c), newSpaced(t1-t0, w.k)
					inb, outb := p.Scratch(worker, v.size()), p.Scratch(worker, m.size())
					edge := p.Scratch(worker, winoPoints*max(w.c, w.k))
					if which&1 != 0 {
						for t := t0; t < t1; t++ {
							w.input(p.isa, t, x, edge, &inb[(t-t0)*v.ld], v.next)
						}
					}
					if which&2 != 0 {
						w.multiply(p.isa, &p.slots[worker].tile, t1-t0, inb, v, u, outb, m)
					}
					if which&4 != 0 {
						for t := t0; t < t1; t++ {
							w.output(p.isa, t, &outb[(t-t0)*m.ld], m.next, edge, y)
						}
					}
				})
			})
		}
		in, mul, out = phase(1), phase(2), phase(4)
		all := phase(7)
		gf := 2 * 9 * float64(c.N*c.H*c.W*c.C*c.K) / 1e6
		fmt.Printf("%3d@%2d n%d T=%d: weights %.2f turned %.2f in %.2f mul %.2f (%.0f GF/s) out %.2f all %.2f -> %.0f GF/s\n", c.C, c.H, c.N, parts(tiles, tasks), tw, tt, in, mul, 2*36*float64(tiles*c.C*c.K)/1e6/mul, out, all, gf/(tw+all))
		both := bestOf(func() { w.weights(p, x, y, wt) })
		fmt.Printf("      wgrad all %.2f -> %.0f GF/s\n", both, gf/both)
		p.Close()
	}
}
