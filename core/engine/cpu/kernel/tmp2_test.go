package kernel

import (
	"fmt"
	"runtime"
	"testing"
)

func TestTmpT(t *testing.T) {
	runtime.LockOSThread()
	for _, c := range []Conv{{128, 32, 32, 64, 64, 3, 3, 1, 1}, {128, 16, 16, 128, 128, 3, 3, 1, 1}, {128, 8, 8, 256, 256, 3, 3, 1, 1}, {128, 4, 4, 512, 512, 3, 3, 1, 1}, {512, 14, 14, 32, 32, 3, 3, 1, 1}} {
		p := NewPool(1)
		w, _ := c.winograd(p.isa)
		x, y, wt := make([]float32, c.N*c.H*c.W*c.C), make([]float32, c.N*c.H*c.W*c.K), make([]float32, 9*c.C*c.K)
		for i := range x {
			x[i] = float32(i%100) * 0.01
		}
		a := p.borrow()
		u := w.newFilters(a, p.isa)
		u.transform(p, wt)
		tiles := w.tiles()
		for _, perTask := range []int{14, 28, 56, 126} {
			tasks := parts(tiles, perTask)
			phase := func(which int) float64 {
				return bestOf(func() {
					p.Run(tasks, func(worker, task int) {
						t0, t1 := span(tiles, tasks, task)
						v, m := newSpaced(t1-t0, w.c), newSpaced(t1-t0, w.k)
						inb, outb := p.Scratch(worker, v.size()), p.Scratch(worker, m.size())
						edge := p.Scratch(worker, winoPoints*max(w.c, w.k))
						for t := t0; t < t1; t++ {
							w.input(p.isa, t, x, edge, &inb[(t-t0)*v.ld], v.next)
						}
						w.multiply(p.isa, &p.slots[worker].tile, t1-t0, inb, v, u, outb, m)
						for t := t0; t < t1; t++ {
							w.output(p.isa, t, &outb[(t-t0)*m.ld], m.next, edge, y)
						}
					})
				})
			}
			all := phase(7)
			gf := 2 * 9 * float64(c.N*c.H*c.W*c.C*c.K) / 1e6
			fmt.Printf("%3d@%2d n%d T=%d (%d): all %.2f -> %.0f GF/s\n", c.C, c.H, c.N, perTask, tiles/tasks, all, gf/(all))
		}
		p.Close()
	}
}
