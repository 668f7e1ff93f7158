package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// edge reads and writes the part of a tile that lies inside the image: bit j of rows and cols says whether row or column j
// does. Rows are masked, columns skipped.
type edge struct {
	w    *wino
	rows []reg.OpmaskVirtual
	cols reg.GPVirtual
}

func (w *wino) newEdge(count int) edge {
	e := edge{w: w, cols: param("cols")}
	bits := param("rows")
	for j := range count {
		m := build.GP64()
		build.MOVQ(bits, m)
		build.SHRQ(operand.U8(uint8(j)), m)
		build.ANDQ(operand.U8(1), m)
		build.NEGQ(m)
		k := build.K()
		build.KMOVW(m.As32(), k)
		e.rows = append(e.rows, k)
	}
	return e
}

// column loads elements first to last of column c, with zeros where they lie outside. name makes the label unique.
func (e edge) column(name string, c, first, last int, m func(j int) operand.Mem) *values {
	x := make([]reg.VecVirtual, last+1)
	for j := first; j <= last; j++ {
		x[j] = e.w.vec()
		build.VMOVUPS_Z(m(j), e.rows[j], x[j])
	}
	inside := label(name, c)
	build.BTQ(operand.U8(uint8(c)), e.cols)
	build.JCS(operand.LabelRef(inside))
	for j := first; j <= last; j++ {
		e.w.clear(x[j])
	}
	build.Label(inside)
	return e.w.registers(x)
}

// inputEdge writes the same for a tile at the edge of the image; offset is its place from src on, in bytes.
func (w *wino) inputEdge() {
	var e edge
	w.prepare = func(src reg.GPVirtual) {
		e = w.newEdge(6)
		build.ADDQ(param("offset"), src)
	}
	defer func() { w.prepare = nil }()
	w.loop("winoInputEdge", "transforms a tile of inputs at the edge.", "func(vecs int, src *float32, offset, row, pixel int, dst *float32, next, rows, cols int)", list("row pixel next"),
		func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual) {
			rows := newStride(st["row"], 6)
			out, q := build.GP64(), build.GP64()
			build.MOVQ(dst, out)
			for k, set := range w.sets([]int{0, 1, 2}, []int{3, 4, 5}) {
				build.MOVQ(src, q)
				t := map[int][]reg.VecVirtual{}
				for c := range 6 {
					d := e.column(label("set", k), c, k, k+4, func(j int) operand.Mem { return rows.from(q, j) })
					for _, i := range set {
						t[i] = append(t[i], w.bt(d, i))
					}
					build.ADDQ(st["pixel"], q)
				}
				for _, i := range set {
					d := w.registers(t[i])
					for j := range 6 {
						build.VMOVUPS(w.bt(d, j), at(out, 0))
						build.ADDQ(st["next"], out)
					}
				}
			}
		}, 2, 4, 5)
}

// gradientEdge writes the same for a tile at the edge of the image; offset is its place from src on, in bytes.
func (w *wino) gradientEdge() {
	var e edge
	w.prepare = func(src reg.GPVirtual) {
		e = w.newEdge(4)
		build.ADDQ(param("offset"), src)
	}
	defer func() { w.prepare = nil }()
	w.loop("winoGradientEdge", "transforms a tile of the output's gradient at the edge.", "func(vecs int, src *float32, offset, row, pixel int, dst *float32, next, rows, cols int)", list("row pixel next"),
		func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual) {
			rows := newStride(st["row"], 4)
			out, q := build.GP64(), build.GP64()
			build.MOVQ(dst, out)
			for k, set := range w.sets([]int{0, 1, 2}, []int{3, 4, 5}) {
				build.MOVQ(src, q)
				t := map[int][]reg.VecVirtual{}
				for c := range 4 {
					d := e.column(label("set", k), c, 0, 3, func(j int) operand.Mem { return rows.from(q, j) })
					for _, i := range set {
						t[i] = append(t[i], w.a6(d, i))
					}
					build.ADDQ(st["pixel"], q)
				}
				for _, i := range set {
					d := w.registers(t[i])
					for j := range 6 {
						build.VMOVUPS(w.a6(d, j), at(out, 0))
						build.ADDQ(st["next"], out)
					}
				}
			}
		}, 2, 4)
}

// outputEdge writes the same as output for a tile at the edge of the map.
func (w *wino) outputEdge() {
	var e edge
	w.prepare = func(reg.GPVirtual) { e = w.newEdge(4) }
	defer func() { w.prepare = nil }()
	w.loop("winoOutputEdge", "transforms a tile of products at the edge back.", "func(vecs int, src *float32, next int, dst *float32, row, pixel, rows, cols int)", list("next row pixel"),
		func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual) {
			next, rows := newStride(st["next"], 6), newStride(st["row"], 4)
			q, out := build.GP64(), build.GP64()
			for _, set := range w.sets([]int{0, 2}, []int{1, 3}) {
				build.MOVQ(src, q)
				t := map[int][]reg.VecVirtual{}
				for range 6 {
					m := w.loader(func(j int) operand.Mem { return next.from(q, j) })
					for _, b := range set {
						t[b] = append(t[b], w.at4(m, b))
					}
					build.LEAQ(operand.Mem{Base: q, Index: next.three, Scale: 2}, q)
				}
				for _, b := range set {
					skip := label("skip", b)
					build.BTQ(operand.U8(uint8(b)), e.cols)
					build.JCC(operand.LabelRef(skip))
					build.MOVQ(dst, out)
					for range b {
						build.ADDQ(st["pixel"], out)
					}
					m := w.registers(t[b])
					for a := range 4 {
						build.VMOVUPS(w.at4(m, a), e.rows[a], rows.from(out, a))
					}
					build.Label(skip)
				}
			}
		}, 2, 4, 8)
}
