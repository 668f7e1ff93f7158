package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// square applies the one-dimensional transform f to the columns of a square of pixels, then to the rows of the results, and
// stores the 6 x 6 results one after the other, next apart. column loads column c for the set-th part of the results; row is
// the distance between its elements, step that to the next column.
func (w *wino) square(src, dst, row, step, next reg.GPVirtual, side int, f func(*values, int) reg.VecVirtual,
	column func(set, c int, m func(j int) operand.Mem) *values) {
	rows := newStride(row, side)
	out, q := build.GP64(), build.GP64()
	build.MOVQ(dst, out)
	for k, set := range w.sets([]int{0, 1, 2}, []int{3, 4, 5}) {
		build.MOVQ(src, q)
		t := map[int][]reg.VecVirtual{}
		for c := range side {
			d := column(k, c, func(j int) operand.Mem { return rows.from(q, j) })
			for _, i := range set {
				t[i] = append(t[i], f(d, i))
			}
			build.ADDQ(step, q)
		}
		for _, i := range set {
			d := w.registers(t[i])
			for j := range 6 {
				build.VMOVUPS(f(d, j), at(out, 0))
				build.ADDQ(next, out)
			}
		}
	}
}

// inside is the column of a square that lies inside the image.
func (w *wino) inside(_, _ int, m func(j int) operand.Mem) *values { return w.loader(w.images(), m) }

// input writes V = Bᵀ d B for a tile of 6 x 6 pixels.
func (w *wino) input() {
	w.loop("winoInput", "transforms a tile of inputs.", "src", "func(vecs int, src *float32, row, pixel int, dst *float32, next int)", list("row pixel next"),
		func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual) {
			w.square(src, dst, st["row"], st["pixel"], st["next"], 6, w.bt, w.inside)
		}, 2, 4, 5)
}

// back transforms a tile of products back, column by column: column does or skips the storing of column b, store writes
// element a of it.
func (w *wino) back(src, dst reg.GPVirtual, st map[string]reg.GPVirtual, column func(b int, store func()), store func(y reg.VecVirtual, a int, m operand.Mem)) {
	next, rows := newStride(st["next"], 6), newStride(st["row"], 4)
	q, out := build.GP64(), build.GP64()
	for _, set := range w.sets([]int{0, 2}, []int{1, 3}) {
		build.MOVQ(src, q)
		t := map[int][]reg.VecVirtual{}
		for range 6 {
			m := w.loader(whole{}, func(j int) operand.Mem { return next.from(q, j) })
			for _, b := range set {
				t[b] = append(t[b], w.at4(m, b))
			}
			build.LEAQ(operand.Mem{Base: q, Index: next.three, Scale: 2}, q)
		}
		for _, b := range set {
			column(b, func() {
				build.MOVQ(dst, out)
				for range b {
					build.ADDQ(st["pixel"], out)
				}
				m := w.registers(t[b])
				for a := range 4 {
					store(w.at4(m, a), a, rows.from(out, a))
				}
			})
		}
	}
}

// output writes y = Aᵀ M A, a tile of 4 x 4 pixels.
func (w *wino) output() {
	w.loop("winoOutput", "transforms a tile of products back.", "dst", "func(vecs int, src *float32, next int, dst *float32, row, pixel int)", list("next row pixel"),
		func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual) {
			w.back(src, dst, st, func(_ int, store func()) { store() }, func(y reg.VecVirtual, _ int, m operand.Mem) { w.images().store(y, m) })
		}, 2, 4, 8)
}

// gradient writes Z = A dy Aᵀ for a tile of 4 x 4 pixels.
func (w *wino) gradient() {
	w.loop("winoGradient", "transforms a tile of the output's gradient.", "src", "func(vecs int, src *float32, row, pixel int, dst *float32, next int)", list("row pixel next"),
		func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual) {
			w.square(src, dst, st["row"], st["pixel"], st["next"], 4, w.a6, w.inside)
		}, 2, 4)
}

// weights writes U = G g Gᵀ for filters of 3 x 3 taps.
func (w *wino) weights() {
	w.loop("winoWeights", "transforms filters, and fetches those that are ahead bytes on.", "src", "func(vecs int, src *float32, tap, ahead int, dst *float32, next int)", list("tap ahead next"),
		func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual) {
			row := build.GP64()
			build.LEAQ(operand.Mem{Base: st["tap"], Index: st["tap"], Scale: 2}, row)
			taps, fetch := newStride(st["tap"], 3), build.GP64()
			build.LEAQ(operand.Mem{Base: src, Index: st["ahead"], Scale: 1}, fetch)
			for range 3 {
				for s := range 3 {
					build.PREFETCHT0(taps.from(fetch, s))
				}
				build.ADDQ(row, fetch)
			}
			w.square(src, dst, row, st["tap"], st["next"], 3, w.g6, w.inside)
		}, 1./4, -1./6, 1./24, 1./12)
}

// weightsGrad adds Gᵀ dU G to dg.
func (w *wino) weightsGrad() {
	w.loop("winoWeightsGrad", "transforms the gradient of the transformed filters back and adds it.", "dst", "func(vecs int, src *float32, next int, dst *float32, tap int)", list("next tap"),
		func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual) {
			next := newStride(st["next"], 6)
			row := build.GP64()
			build.LEAQ(operand.Mem{Base: st["tap"], Index: st["tap"], Scale: 2}, row)
			rows := newStride(row, 3)
			q, out := build.GP64(), build.GP64()
			build.MOVQ(dst, out)
			for _, set := range w.sets([]int{0, 1, 2}) {
				build.MOVQ(src, q)
				t := map[int][]reg.VecVirtual{}
				for range 6 {
					u := w.loader(whole{}, func(j int) operand.Mem { return next.from(q, j) })
					for _, b := range set {
						t[b] = append(t[b], w.gt3(u, b))
					}
					build.LEAQ(operand.Mem{Base: q, Index: next.three, Scale: 2}, q)
				}
				for _, b := range set {
					u := w.registers(t[b])
					for a := range 3 {
						x := w.gt3(u, a)
						build.VADDPS(rows.from(out, a), x, x)
						build.VMOVUPS(x, rows.from(out, a))
					}
					build.ADDQ(st["tap"], out)
				}
			}
		}, 1./4, -1./6, 1./24, 1./12)
}
