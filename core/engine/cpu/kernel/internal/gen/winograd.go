package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// winograd writes the transforms of F(4x4, 3x3) with the points 0, ±1, ±2 and ∞ (Lavin and Gray 2016). Each works on one
// vector of channels at a time, in registers: the first of the two one-dimensional transforms is done for as many rows as
// the registers hold, the second on these, and so on.
func winograd(s simd) {
	w := wino{simd: s}
	w.input()
	w.output()
	w.gradient()
	w.weights()
	w.weightsGrad()
	if s.wide() {
		w.inputEdge()
		w.outputEdge()
		w.gradientEdge()
	}
}

type wino struct {
	simd
	k       map[float32]reg.VecVirtual // constants
	prepare func(src reg.GPVirtual)    // done once a call, before the vectors
}

func (w *wino) constants(values ...float32) {
	w.k = map[float32]reg.VecVirtual{}
	for _, f := range values {
		w.k[f] = w.splat(f)
	}
}

// sets cuts the indices of a transform's results into those that are computed together.
func (w *wino) sets(together ...[]int) [][]int {
	if w.wide() {
		return together
	}
	var single [][]int
	for _, set := range together {
		for _, i := range set {
			single = append(single, []int{i})
		}
	}
	return single
}

// values are the inputs of a one-dimensional transform; they are loaded when first asked for.
type values struct {
	load func(j int) reg.VecVirtual
	have map[int]reg.VecVirtual
	w    *wino
}

func (w *wino) lazy(load func(j int) reg.VecVirtual) *values {
	return &values{load: load, have: map[int]reg.VecVirtual{}, w: w}
}

func (w *wino) loader(m func(j int) operand.Mem) *values {
	return w.lazy(func(j int) reg.VecVirtual {
		x := w.vec()
		build.VMOVUPS(m(j), x)
		return x
	})
}

func (w *wino) registers(r []reg.VecVirtual) *values {
	return w.lazy(func(j int) reg.VecVirtual { return r[j] })
}

func (v *values) at(j int) reg.VecVirtual {
	if _, ok := v.have[j]; !ok {
		v.have[j] = v.load(j)
	}
	return v.have[j]
}

// once computes a value that several results share.
func (v *values) once(key int, f func() reg.VecVirtual) reg.VecVirtual {
	if _, ok := v.have[key]; !ok {
		v.have[key] = f()
	}
	return v.have[key]
}

func (v *values) add(a, b int) reg.VecVirtual { return v.w.add(v.at(a), v.at(b)) }
func (v *values) sub(a, b int) reg.VecVirtual { return v.w.sub(v.at(a), v.at(b)) }

func (s simd) add(a, b reg.VecVirtual) reg.VecVirtual {
	x := s.vec()
	build.VADDPS(b, a, x)
	return x
}

func (s simd) sub(a, b reg.VecVirtual) reg.VecVirtual {
	x := s.vec()
	build.VSUBPS(b, a, x)
	return x
}

// mulAdd returns k*a + b for a constant k.
func (w *wino) mulAdd(k float32, a, b reg.VecVirtual) reg.VecVirtual {
	x := w.vec()
	build.VMOVAPS(b, x)
	if k < 0 {
		build.VFNMADD231PS(w.k[-k], a, x)
	} else {
		build.VFMADD231PS(w.k[k], a, x)
	}
	return x
}

func (w *wino) scale(k float32, a reg.VecVirtual) reg.VecVirtual {
	x := w.vec()
	build.VMULPS(w.k[k], a, x)
	return x
}

// bt returns element i of Bᵀd:
//
//	4  0 -5  0  1  0
//	0 -4 -4  1  1  0
//	0  4 -4 -1  1  0
//	0 -2 -1  2  1  0
//	0  2 -1 -2  1  0
//	0  4  0 -5  0  1
func (w *wino) bt(d *values, i int) reg.VecVirtual {
	switch i {
	case 0:
		return w.mulAdd(-5, d.at(2), w.mulAdd(4, d.at(0), d.at(4)))
	case 1, 2:
		t := d.once(10, func() reg.VecVirtual { return w.mulAdd(-4, d.at(2), d.at(4)) })
		u := d.once(11, func() reg.VecVirtual { return w.mulAdd(-4, d.at(1), d.at(3)) })
		if i == 1 {
			return w.add(t, u)
		}
		return w.sub(t, u)
	case 3, 4:
		t := d.once(12, func() reg.VecVirtual { return d.sub(4, 2) })
		u := d.once(13, func() reg.VecVirtual { return d.sub(3, 1) })
		if i == 3 {
			return w.mulAdd(2, u, t)
		}
		return w.mulAdd(-2, u, t)
	}
	return w.mulAdd(-5, d.at(3), w.mulAdd(4, d.at(1), d.at(5)))
}

// at4 returns element i of Aᵀm:
//
//	1  1  1  1  1  0
//	0  1 -1  2 -2  0
//	0  1  1  4  4  0
//	0  1 -1  8 -8  1
func (w *wino) at4(m *values, i int) reg.VecVirtual {
	if i%2 == 0 {
		s := m.once(10, func() reg.VecVirtual { return m.add(1, 2) })
		t := m.once(11, func() reg.VecVirtual { return m.add(3, 4) })
		if i == 0 {
			return w.add(w.add(m.at(0), s), t)
		}
		return w.mulAdd(4, t, s)
	}
	s := m.once(12, func() reg.VecVirtual { return m.sub(1, 2) })
	t := m.once(13, func() reg.VecVirtual { return m.sub(3, 4) })
	if i == 1 {
		return w.mulAdd(2, t, s)
	}
	return w.mulAdd(8, t, w.add(s, m.at(5)))
}

// a6 returns element i of A v, with the matrix of at4.
func (w *wino) a6(v *values, i int) reg.VecVirtual {
	switch i {
	case 0:
		return v.at(0)
	case 1, 2:
		e := v.once(10, func() reg.VecVirtual { return v.add(0, 2) })
		o := v.once(11, func() reg.VecVirtual { return v.add(1, 3) })
		if i == 1 {
			return w.add(e, o)
		}
		return w.sub(e, o)
	case 3, 4:
		e := v.once(12, func() reg.VecVirtual { return w.mulAdd(4, v.at(2), v.at(0)) })
		o := v.once(13, func() reg.VecVirtual { return w.mulAdd(4, v.at(3), v.at(1)) })
		if i == 3 {
			return w.mulAdd(2, o, e)
		}
		return w.mulAdd(-2, o, e)
	}
	return v.at(3)
}

// g6 returns element i of G g:
//
//	 1/4    0    0
//	-1/6 -1/6 -1/6
//	-1/6  1/6 -1/6
//	1/24 1/12  1/6
//	1/24 -1/12 1/6
//	   0    0    1
func (w *wino) g6(g *values, i int) reg.VecVirtual {
	switch i {
	case 0:
		return w.scale(1./4, g.at(0))
	case 1, 2:
		t := g.once(10, func() reg.VecVirtual { return w.scale(-1./6, g.add(0, 2)) })
		x := w.vec()
		build.VMOVAPS(t, x)
		if i == 1 {
			build.VFMADD231PS(w.k[-1./6], g.at(1), x)
		} else {
			build.VFNMADD231PS(w.k[-1./6], g.at(1), x)
		}
		return x
	case 3, 4:
		t := g.once(11, func() reg.VecVirtual {
			x := w.scale(1./24, g.at(0))
			build.VFNMADD231PS(w.k[-1./6], g.at(2), x)
			return x
		})
		if i == 3 {
			return w.mulAdd(1./12, g.at(1), t)
		}
		return w.mulAdd(-1./12, g.at(1), t)
	}
	return g.at(2)
}

// gt3 returns element i of Gᵀu, with the matrix of g6.
func (w *wino) gt3(u *values, i int) reg.VecVirtual {
	switch i {
	case 0:
		x := w.scale(1./4, u.at(0))
		build.VFMADD231PS(w.k[-1./6], u.add(1, 2), x)
		build.VFMADD231PS(w.k[1./24], u.add(3, 4), x)
		return x
	case 1:
		x := w.scale(-1./6, u.sub(1, 2))
		build.VFMADD231PS(w.k[1./12], u.sub(3, 4), x)
		return x
	}
	x := w.vec()
	build.VMOVAPS(u.at(5), x)
	build.VFMADD231PS(w.k[-1./6], w.sub(u.add(1, 2), u.add(3, 4)), x)
	return x
}

// stride holds a byte distance and its multiples, to address up to six elements from one pointer.
type stride struct{ one, three, five reg.GPVirtual }

func newStride(one reg.GPVirtual, count int) stride {
	s := stride{one: one}
	if count > 3 {
		s.three = build.GP64()
		build.LEAQ(operand.Mem{Base: one, Index: one, Scale: 2}, s.three)
	}
	if count > 5 {
		s.five = build.GP64()
		build.LEAQ(operand.Mem{Base: one, Index: one, Scale: 4}, s.five)
	}
	return s
}

// from returns the operand of element i from the base on.
func (s stride) from(base reg.GPVirtual, i int) operand.Mem {
	m := operand.Mem{Base: base}
	switch i {
	case 1, 2, 4:
		m.Index, m.Scale = s.one, uint8(i)
	case 3:
		m.Index, m.Scale = s.three, 1
	case 5:
		m.Index, m.Scale = s.five, 1
	}
	return m
}

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

// loop opens a function over vectors of channels: body is done once a vector, with the pointers at it.
func (w *wino) loop(name, doc, signature string, strides []string, body func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual), constants ...float32) {
	function(name+w.name, signature)
	build.Doc(name + w.name + " " + doc)
	n, src, dst := param("vecs"), param("src"), param("dst")
	st := map[string]reg.GPVirtual{}
	for _, x := range strides {
		st[x] = param(x)
	}
	w.constants(constants...)
	if w.prepare != nil {
		w.prepare(src)
	}
	build.Label("vec")
	body(src, dst, st)
	build.ADDQ(operand.U8(uint8(w.bytes())), src)
	build.ADDQ(operand.U8(uint8(w.bytes())), dst)
	build.DECQ(n)
	build.JNZ(operand.LabelRef("vec"))
	finish()
}

// input writes V = Bᵀ d B for a tile of 6 x 6 pixels.
func (w *wino) input() {
	w.loop("winoInput", "transforms a tile of inputs.", "func(vecs int, src *float32, row, pixel int, dst *float32, next int)", list("row pixel next"),
		func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual) {
			rows := newStride(st["row"], 6)
			out, q := build.GP64(), build.GP64()
			build.MOVQ(dst, out)
			for _, set := range w.sets([]int{0, 1, 2}, []int{3, 4, 5}) {
				build.MOVQ(src, q)
				t := map[int][]reg.VecVirtual{}
				for range 6 {
					d := w.loader(func(j int) operand.Mem { return rows.from(q, j) })
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

// output writes y = Aᵀ M A, a tile of 4 x 4 pixels.
func (w *wino) output() {
	w.loop("winoOutput", "transforms a tile of products back.", "func(vecs int, src *float32, next int, dst *float32, row, pixel int)", list("next row pixel"),
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
					build.MOVQ(dst, out)
					for range b {
						build.ADDQ(st["pixel"], out)
					}
					m := w.registers(t[b])
					for a := range 4 {
						build.VMOVUPS(w.at4(m, a), rows.from(out, a))
					}
				}
			}
		}, 2, 4, 8)
}

// gradient writes Z = A dy Aᵀ for a tile of 4 x 4 pixels.
func (w *wino) gradient() {
	w.loop("winoGradient", "transforms a tile of the output's gradient.", "func(vecs int, src *float32, row, pixel int, dst *float32, next int)", list("row pixel next"),
		func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual) {
			rows := newStride(st["row"], 4)
			out, q := build.GP64(), build.GP64()
			build.MOVQ(dst, out)
			for _, set := range w.sets([]int{0, 1, 2}, []int{3, 4, 5}) {
				build.MOVQ(src, q)
				t := map[int][]reg.VecVirtual{}
				for range 4 {
					v := w.loader(func(j int) operand.Mem { return rows.from(q, j) })
					for _, i := range set {
						t[i] = append(t[i], w.a6(v, i))
					}
					build.ADDQ(st["pixel"], q)
				}
				for _, i := range set {
					v := w.registers(t[i])
					for j := range 6 {
						build.VMOVUPS(w.a6(v, j), at(out, 0))
						build.ADDQ(st["next"], out)
					}
				}
			}
		}, 2, 4)
}

// weights writes U = G g Gᵀ for filters of 3 x 3 taps.
func (w *wino) weights() {
	w.loop("winoWeights", "transforms filters.", "func(vecs int, src *float32, tap int, dst *float32, next int)", list("tap next"),
		func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual) {
			row := build.GP64()
			build.LEAQ(operand.Mem{Base: st["tap"], Index: st["tap"], Scale: 2}, row)
			rows := newStride(row, 3)
			out, q := build.GP64(), build.GP64()
			build.MOVQ(dst, out)
			for _, set := range w.sets([]int{0, 1, 2}, []int{3, 4, 5}) {
				build.MOVQ(src, q)
				t := map[int][]reg.VecVirtual{}
				for range 3 {
					g := w.loader(func(j int) operand.Mem { return rows.from(q, j) })
					for _, i := range set {
						t[i] = append(t[i], w.g6(g, i))
					}
					build.ADDQ(st["tap"], q)
				}
				for _, i := range set {
					g := w.registers(t[i])
					for j := range 6 {
						build.VMOVUPS(w.g6(g, j), at(out, 0))
						build.ADDQ(st["next"], out)
					}
				}
			}
		}, 1./4, -1./6, 1./24, 1./12)
}

// weightsGrad adds Gᵀ dU G to dg.
func (w *wino) weightsGrad() {
	w.loop("winoWeightsGrad", "transforms the gradient of the transformed filters back and adds it.", "func(vecs int, src *float32, next int, dst *float32, tap int)", list("next tap"),
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
					u := w.loader(func(j int) operand.Mem { return next.from(q, j) })
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
