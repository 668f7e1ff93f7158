package main

import (
	"math/bits"
	"strings"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors maps the names of a kernel's arguments to the registers that hold their current values.
type vectors map[string]reg.VecVirtual

// kernel is a loop over vectors of floats.
type kernel struct {
	name    string
	doc     string
	mats    []string // arrays that are read
	cols    []string // rowwise kernels: one value a column
	scalars []string // float32 arguments
	outs    []string // arrays that are written; a name of mats means in place
	halves  []string // those of them that are stored in bfloat16
	// streamed kernels are for whole vectors of aligned memory only; see the access of that name.
	streamed bool
	body     func(s simd, v vectors)
}

// list splits names at spaces.
func list(names string) []string { return strings.Fields(names) }

func (k kernel) pointers() []string {
	all := append([]string{}, k.outs...)
	for _, m := range append(append([]string{}, k.mats...), k.cols...) {
		if !contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}

func contains(l []string, s string) bool {
	for _, x := range l {
		if x == s {
			return true
		}
	}
	return false
}

func (k kernel) signature(tail string) string {
	sig := "func("
	for _, m := range k.pointers() {
		sig += m + " *" + k.goType(m) + ", "
	}
	if len(k.scalars) > 0 {
		sig += strings.Join(k.scalars, ", ") + " float32, "
	}
	return sig + tail + ")"
}

func (k kernel) goType(array string) string {
	if contains(k.halves, array) {
		return "uint16"
	}
	return "float32"
}

// width is the size of an array's numbers in bytes.
func (k kernel) width(array string) int {
	if contains(k.halves, array) {
		return 2
	}
	return 4
}

func (k kernel) open(s simd, tail string) (map[string]reg.GPVirtual, vectors) {
	function(k.name+s.name, k.signature(tail))
	build.Doc(k.name + s.name + " " + k.doc)
	ptr := map[string]reg.GPVirtual{}
	for _, m := range k.pointers() {
		ptr[m] = param(m)
	}
	fixed := vectors{}
	for _, c := range k.scalars {
		fixed[c] = s.vec()
		build.VBROADCASTSS(address(c), fixed[c])
	}
	return ptr, fixed
}

// access loads and stores one vector, or its first elements.
type access interface {
	load(m operand.Mem, x reg.VecVirtual)
	store(x reg.VecVirtual, m operand.Mem)
}

type whole struct{}

func (whole) load(m operand.Mem, x reg.VecVirtual)  { build.VMOVUPS(m, x) }
func (whole) store(x reg.VecVirtual, m operand.Mem) { build.VMOVUPS(x, m) }

// streamed is the access to whole vectors of aligned memory whose old contents need not be fetched, as it is all written,
// and which is too large to stay in the cache.
type streamed struct{ whole }

func (streamed) store(x reg.VecVirtual, m operand.Mem) { build.VMOVNTPS(x, m) }

type opmask struct{ k reg.OpmaskVirtual }

func (o opmask) load(m operand.Mem, x reg.VecVirtual)  { build.VMOVUPS_Z(m, o.k, x) }
func (o opmask) store(x reg.VecVirtual, m operand.Mem) { build.VMOVUPS(x, o.k, m) }

type signmask struct{ v reg.VecVirtual }

func (s signmask) load(m operand.Mem, x reg.VecVirtual)  { build.VMASKMOVPS(m, s.v, x) }
func (s signmask) store(x reg.VecVirtual, m operand.Mem) { build.VMASKMOVPS(x, s.v, m) }

var laneTable operand.Mem

// partial returns access to the first n elements, n less than the number of lanes.
func (s simd) partial(n reg.GPVirtual) access {
	if s.wide() {
		m := build.GP64()
		build.MOVQ(operand.U32(0xffffffff), m)
		build.BZHIQ(n, m, m)
		k := build.K()
		build.KMOVW(m.As32(), k)
		return opmask{k}
	}
	if laneTable.Base == nil {
		laneTable = build.GLOBL("laneTable", 8|16)
		for i := range 16 {
			v := operand.U32(0)
			if i < 8 {
				v = 0xffffffff
			}
			build.DATA(4*i, v)
		}
	}
	p, off := build.GP64(), build.GP64()
	build.LEAQ(laneTable.Offset(32), p)
	build.MOVQ(n, off)
	build.NEGQ(off)
	mask := s.vec()
	build.VMOVUPS(operand.Mem{Base: p, Index: off, Scale: 4}, mask)
	return signmask{mask}
}

// accesses gives the access to whole vectors of an array's numbers.
func (k kernel) accesses(s simd) func(array string) access {
	return func(array string) access {
		switch {
		case contains(k.halves, array):
			return halves{s}
		case k.streamed && contains(k.outs, array):
			return streamed{}
		}
		return whole{}
	}
}

// partial gives the access to the first n numbers of a vector of an array.
func (k kernel) partial(s simd, n reg.GPVirtual) func(array string) access {
	floats := s.partial(n)
	return func(array string) access {
		if contains(k.halves, array) {
			return maskedHalves{s, floats.(opmask).k}
		}
		return floats
	}
}

// step loads vector u of every input, runs the body and stores the outputs.
func (k kernel) step(s simd, ptr map[string]reg.GPVirtual, fixed vectors, u int, a func(array string) access) {
	v := vectors{}
	for name, x := range fixed {
		v[name] = x
	}
	for _, m := range append(append([]string{}, k.mats...), k.cols...) {
		if _, ok := fixed[m]; ok {
			continue
		}
		v[m] = s.vec()
		a(m).load(at(ptr[m], u*s.lanes*k.width(m)), v[m])
	}
	k.body(s, v)
	for _, o := range k.outs {
		a(o).store(v[o], at(ptr[o], u*s.lanes*k.width(o)))
	}
}

func (k kernel) advance(s simd, ptr map[string]reg.GPVirtual, vecs int) {
	for _, m := range k.pointers() {
		build.ADDQ(operand.U32(uint32(vecs*s.lanes*k.width(m))), ptr[m])
	}
}

// flat writes a kernel over n floats.
func flat(s simd, k kernel) {
	ptr, fixed := k.open(s, "n int")
	k.sweep(s, ptr, fixed, param("n"), 4)
	finish()
}

// sweep handles n floats, unroll vectors at a time, and leaves the pointers behind the last whole vector.
func (k kernel) sweep(s simd, ptr map[string]reg.GPVirtual, fixed vectors, n reg.GPVirtual, unroll int) {
	for _, width := range []int{unroll, 1} {
		k.repeat(s, ptr, fixed, n, width)
	}
	build.TESTQ(n, n)
	build.JZ(operand.LabelRef("done"))
	k.step(s, ptr, fixed, 0, k.partial(s, n))
	build.Label("done")
}

// repeat handles width vectors at a time while n has as many.
func (k kernel) repeat(s simd, ptr map[string]reg.GPVirtual, fixed vectors, n reg.GPVirtual, width int) {
	loop, next := label("loop", width), label("next", width)
	build.Label(loop)
	build.CMPQ(n, operand.U32(uint32(width*s.lanes)))
	build.JL(operand.LabelRef(next))
	for u := range width {
		k.step(s, ptr, fixed, u, k.accesses(s))
	}
	k.advance(s, ptr, width)
	build.SUBQ(operand.U32(uint32(width*s.lanes)), n)
	build.JMP(operand.LabelRef(loop))
	build.Label(next)
}

func label(name string, n int) string { return name + string(rune('0'+n)) }

// rowwise writes a kernel over a matrix of rows x cols floats, rows beside each other; the arguments in k.cols have one
// value a column. Matrices are in bfloat16 where s.bf16 says so.
func rowwise(s simd, k kernel) {
	if s.bf16 {
		k.halves = append(append([]string{}, k.mats...), k.outs...)
	}
	ptr, fixed := k.open(s, "rows, cols int")
	rows := param("rows")
	build.Label("row")
	n := param("cols")
	k.sweep(s, ptr, fixed, n, 2)
	for _, m := range k.pointers() {
		if contains(k.cols, m) {
			build.MOVQ(address(m), ptr[m])
		} else {
			build.LEAQ(operand.Mem{Base: ptr[m], Index: n, Scale: uint8(k.width(m))}, ptr[m])
		}
	}
	build.DECQ(rows)
	build.JNZ(operand.LabelRef("row"))
	if k.streamed {
		build.SFENCE()
	}
	finish()
}

// columns writes a kernel that sums down the columns of a matrix: k.outs name the sums, which the body adds to, and each
// gets one value a column. ld is the distance of rows in numbers, of which all matrices have the same type. A group of
// vectors is held in registers at a time. Matrices are in bfloat16 where s.bf16 says so.
func columns(s simd, k kernel, group int) {
	if s.bf16 {
		k.halves = k.mats
	}
	function(k.name+s.name, k.signature("rows, cols, ld int"))
	build.Doc(k.name + s.name + " " + k.doc)
	n := param("cols")
	ld := param("ld")
	build.SHLQ(operand.U8(uint8(bits.TrailingZeros(uint(k.width(k.mats[0]))))), ld)
	ptr := map[string]reg.GPVirtual{}
	for _, m := range k.pointers() {
		ptr[m] = param(m)
	}
	for _, width := range []int{group, 1} {
		loop, next := label("group", width), label("rest", width)
		build.Label(loop)
		build.CMPQ(n, operand.U32(uint32(width*s.lanes)))
		build.JL(operand.LabelRef(next))
		k.columnGroup(s, ptr, ld, width, k.accesses(s))
		k.advance(s, ptr, width)
		build.SUBQ(operand.U32(uint32(width*s.lanes)), n)
		build.JMP(operand.LabelRef(loop))
		build.Label(next)
	}
	build.TESTQ(n, n)
	build.JZ(operand.LabelRef("done"))
	k.columnGroup(s, ptr, ld, 0, k.partial(s, n))
	build.Label("done")
	finish()
}

// columnGroup sums down width vectors of columns; width 0 stands for the partial vector.
func (k kernel) columnGroup(s simd, ptr map[string]reg.GPVirtual, ld reg.GPVirtual, width int, a func(array string) access) {
	held := make([]vectors, max(width, 1))
	for u := range held {
		held[u] = vectors{}
		for _, c := range k.cols {
			held[u][c] = s.vec()
			a(c).load(at(ptr[c], u*s.bytes()), held[u][c])
		}
		for _, o := range k.outs {
			held[u][o] = s.zero()
		}
	}
	down := map[string]reg.GPVirtual{}
	for _, m := range k.mats {
		down[m] = build.GP64()
		build.MOVQ(ptr[m], down[m])
	}
	rows := param("rows")
	loop := label("down", width)
	build.Label(loop)
	for u := range held {
		v := vectors{}
		for name, x := range held[u] {
			v[name] = x
		}
		for _, m := range k.mats {
			v[m] = s.vec()
			a(m).load(at(down[m], u*s.lanes*k.width(m)), v[m])
		}
		k.body(s, v)
	}
	for _, m := range k.mats {
		build.ADDQ(ld, down[m])
	}
	build.DECQ(rows)
	build.JNZ(operand.LabelRef(loop))
	for u := range held {
		for _, o := range k.outs {
			a(o).store(held[u][o], at(ptr[o], u*s.bytes()))
		}
	}
}

// reduce writes a kernel that sums over n floats into one float64. The body adds to v["sum"].
func reduce(s simd, k kernel) {
	const unroll = 4
	function(k.name+s.name, strings.TrimSuffix(k.signature("n int"), ")")+") float64")
	build.Doc(k.name + s.name + " " + k.doc)
	n := param("n")
	ptr := map[string]reg.GPVirtual{}
	for _, m := range k.pointers() {
		ptr[m] = param(m)
	}
	var sums [unroll]reg.VecVirtual
	for i := range sums {
		sums[i] = s.zero()
	}
	for _, width := range []int{unroll, 1} {
		loop, next := label("loop", width), label("next", width)
		build.Label(loop)
		build.CMPQ(n, operand.U32(uint32(width*s.lanes)))
		build.JL(operand.LabelRef(next))
		for u := range width {
			k.step(s, ptr, vectors{"sum": sums[u]}, u, k.accesses(s))
		}
		k.advance(s, ptr, width)
		build.SUBQ(operand.U32(uint32(width*s.lanes)), n)
		build.JMP(operand.LabelRef(loop))
		build.Label(next)
	}
	build.TESTQ(n, n)
	build.JZ(operand.LabelRef("done"))
	k.step(s, ptr, vectors{"sum": sums[1]}, 0, k.partial(s, n))
	build.Label("done")
	build.Store(s.total(sums[:]), build.ReturnIndex(0))
	finish()
}

// total adds all lanes of the vectors in float64.
func (s simd) total(sums []reg.VecVirtual) reg.VecVirtual {
	build.VADDPS(sums[1], sums[0], sums[0])
	build.VADDPS(sums[3], sums[2], sums[2])
	build.VADDPS(sums[2], sums[0], sums[0])
	half := build.YMM()
	wide := s.vec()
	if s.wide() {
		build.VEXTRACTF64X4(operand.U8(1), sums[0], half)
		low := build.ZMM()
		build.VCVTPS2PD(sums[0].AsY(), low)
		build.VCVTPS2PD(half, wide)
		build.VADDPD(low, wide, wide)
		high := build.YMM()
		build.VEXTRACTF64X4(operand.U8(1), wide, high)
		build.VADDPD(high, wide.AsY(), half)
	} else {
		quarter := build.XMM()
		build.VEXTRACTF128(operand.U8(1), sums[0], quarter)
		build.VCVTPS2PD(sums[0].AsX(), half)
		build.VCVTPS2PD(quarter, wide)
		build.VADDPD(wide, half, half)
	}
	x := build.XMM()
	build.VEXTRACTF128(operand.U8(1), half, x)
	build.VADDPD(half.AsX(), x, x)
	y := build.XMM()
	build.VPERMILPD(operand.U8(1), x, y)
	build.VADDSD(y, x, x)
	return x
}
