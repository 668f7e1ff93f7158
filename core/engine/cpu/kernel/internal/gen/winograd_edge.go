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
		e.w.masked(e.rows[j]).load(m(j), x[j])
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
	w.loop("winoInputEdge", "transforms a tile of inputs at the edge.", "src", "func(vecs int, src *float32, offset, row, pixel int, dst *float32, next, rows, cols int)", list("row pixel next"),
		func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual) {
			w.square(src, dst, st["row"], st["pixel"], st["next"], 6, w.bt, func(set, c int, m func(j int) operand.Mem) *values {
				return e.column(label("set", set), c, set, set+4, m)
			})
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
	w.loop("winoGradientEdge", "transforms a tile of the output's gradient at the edge.", "src", "func(vecs int, src *float32, offset, row, pixel int, dst *float32, next, rows, cols int)", list("row pixel next"),
		func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual) {
			w.square(src, dst, st["row"], st["pixel"], st["next"], 4, w.a6, func(set, c int, m func(j int) operand.Mem) *values {
				return e.column(label("set", set), c, 0, 3, m)
			})
		}, 2, 4)
}

// outputEdge writes the same as output for a tile at the edge of the map.
func (w *wino) outputEdge() {
	var e edge
	w.prepare = func(reg.GPVirtual) { e = w.newEdge(4) }
	defer func() { w.prepare = nil }()
	w.loop("winoOutputEdge", "transforms a tile of products at the edge back.", "dst", "func(vecs int, src *float32, next int, dst *float32, row, pixel, rows, cols int)", list("next row pixel"),
		func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual) {
			w.back(src, dst, st, func(b int, store func()) {
				skip := label("skip", b)
				build.BTQ(operand.U8(uint8(b)), e.cols)
				build.JCC(operand.LabelRef(skip))
				store()
				build.Label(skip)
			}, func(y reg.VecVirtual, a int, m operand.Mem) { w.masked(e.rows[a]).store(y, m) })
		}, 2, 4, 8)
}
