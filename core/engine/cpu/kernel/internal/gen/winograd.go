package main

import (
	"strings"

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
	if !s.bf16 { // images may be stored in bfloat16, filters are not
		w.weights()
		w.weightsGrad()
	}
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

func (w *wino) loader(a access, m func(j int) operand.Mem) *values {
	return w.lazy(func(j int) reg.VecVirtual {
		x := w.vec()
		a.load(m(j), x)
		return x
	})
}

// images is the access to numbers of an image.
func (w *wino) images() access {
	if w.bf16 {
		return halves{w.simd}
	}
	return whole{}
}

// masked is the access to numbers of an image in the lanes of a mask.
func (w *wino) masked(k reg.OpmaskVirtual) access {
	if w.bf16 {
		return maskedHalves{w.simd, k}
	}
	return opmask{k}
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

// loop opens a function over vectors of channels: body is done once a vector, with the pointers at it. image names the
// pointer to an image, "src" or "dst"; the other is to transformed tiles.
func (w *wino) loop(name, doc, image, signature string, strides []string, body func(src, dst reg.GPVirtual, st map[string]reg.GPVirtual), constants ...float32) {
	size := map[string]int{"src": w.bytes(), "dst": w.bytes()}
	if w.bf16 {
		size[image] /= 2
		signature = strings.Replace(signature, image+" *float32", image+" *uint16", 1)
	}
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
	build.ADDQ(operand.U8(uint8(size["src"])), src)
	build.ADDQ(operand.U8(uint8(size["dst"])), dst)
	build.DECQ(n)
	build.JNZ(operand.LabelRef("vec"))
	finish()
}
