package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of the package's tile struct.
const (
	tileA      = 0
	tileB      = 8
	tileC      = 16
	tileTaps   = 24
	tileNTaps  = 32
	tileKC     = 40
	tileRS     = 48
	tileKS     = 56
	tileAQ     = 64
	tileCQ     = 96
	tileCS     = 128
	tileBias   = 136
	tileMasks  = 144 // AVX2: pointer to the lane masks
	tileFlags  = 152
	tileAlpha  = 160
	tileLanes0 = 164 // AVX-512: mask of the first vector's lanes
	tileLanes1 = 166
	tileAhead  = 168
	tileStride = 176
	tileBS     = 184
)

const (
	flagAdd = 1 << iota
	flagBias
	flagReLU
	flagFetch
	flagRound
)

// Offsets of the fields of the package's tap struct, and its size.
const (
	tapA     = 0
	tapSkip  = 8
	tapBytes = 16
)

// prefetch is how many terms ahead of their use operands are fetched to the first-level cache.
const prefetch = 8

// tiles writes the matrix product kernels for every number of rows, one or two vectors wide. See the package's tile type
// for what they compute.
func tiles(s simd) {
	for rows := 1; rows <= s.maxRows; rows++ {
		for vecs := 1; vecs <= 2; vecs++ {
			tileKernel(s, rows, vecs)
		}
	}
}

func tileKernel(s simd, rows, vecs int) {
	name := fmt.Sprintf("tile%dx%d%s", rows, vecs, s.name)
	function(name, "func(t *byte)")
	build.Doc(fmt.Sprintf("%s computes a tile of %d rows and %d columns.", name, rows, vecs*s.lanes))
	t := param("t")
	acc := make([][]reg.VecVirtual, rows)
	for i := range acc {
		acc[i] = make([]reg.VecVirtual, vecs)
		for v := range acc[i] {
			acc[i][v] = s.zero()
		}
	}
	b := make([]reg.VecVirtual, vecs)
	for v := range b {
		b[v] = s.vec()
	}
	tmp := [2]reg.VecVirtual{s.vec(), s.vec()}
	quads := make([]reg.GPVirtual, (rows+3)/4)
	for i := range quads {
		quads[i] = build.GP64()
	}
	step, step3 := build.GP64(), build.GP64()
	tileProduct(s, t, acc, b, tmp, quads, step, step3)
	tileEpilogue(s, t, acc, b, tmp, quads, step, step3)
	finish()
}

// tileProduct sums a[row, k] * b[k, :] over all taps and k.
func tileProduct(s simd, t reg.GPVirtual, acc [][]reg.VecVirtual, b []reg.VecVirtual, tmp [2]reg.VecVirtual, quads []reg.GPVirtual, rs, rs3 reg.GPVirtual) {
	vecs := len(b)
	pb, taps, n := build.GP64(), build.GP64(), build.GP64()
	bs, ks, k := build.GP64(), build.GP64(), build.GP64()
	build.MOVQ(at(t, tileB), pb)
	build.MOVQ(at(t, tileTaps), taps)
	build.MOVQ(at(t, tileNTaps), n)
	build.MOVQ(at(t, tileKS), ks)
	build.MOVQ(at(t, tileBS), bs)
	fetchC(s, t, acc, quads, rs, rs3)
	build.MOVQ(at(t, tileRS), rs)
	build.LEAQ(operand.Mem{Base: rs, Index: rs, Scale: 2}, rs3)
	ahead := build.GP64()
	build.MOVQ(at(t, tileAhead), ahead)
	build.Label("tap")
	build.MOVQ(at(taps, tapA), k)
	build.ADDQ(at(taps, tapSkip), pb)
	build.ADDQ(operand.U8(tapBytes), taps)
	build.ADDQ(at(t, tileA), k)
	for i, q := range quads {
		build.MOVQ(at(t, tileAQ+8*i), q)
		build.ADDQ(k, q)
	}
	build.MOVQ(at(t, tileKC), k)
	build.Label("loop")
	if s.wide() {
		for v := range b {
			build.PREFETCHT0(operand.Mem{Base: pb, Index: bs, Scale: prefetch, Disp: v * s.bytes()})
		}
		build.PREFETCHT0(operand.Mem{Base: quads[0], Index: ks, Scale: prefetch}) // rows beside each other: one line, or two
		if len(quads) > 2 {
			build.PREFETCHT0(operand.Mem{Base: quads[len(quads)-1], Index: ks, Scale: prefetch, Disp: 4})
		}
		build.PREFETCHT1(at(ahead, 0))
		build.ADDQ(at(t, tileStride), ahead)
	}
	for v := range b {
		build.VMOVUPS(at(pb, v*s.bytes()), b[v])
	}
	for i := range acc {
		a := rowOperand(quads, rs, rs3, i)
		if s.dot {
			build.VBROADCASTSS(a, tmp[i%2])
			for v := range b {
				dot(tmp[i%2], b[v], acc[i][v])
			}
			continue
		}
		if vecs == 1 && s.wide() {
			build.VFMADD231PS_BCST(a, b[0], acc[i][0])
			continue
		}
		build.VBROADCASTSS(a, tmp[i%2])
		for v := range b {
			build.VFMADD231PS(tmp[i%2], b[v], acc[i][v])
		}
	}
	build.ADDQ(bs, pb)
	for _, q := range quads {
		build.ADDQ(ks, q)
	}
	build.DECQ(k)
	build.JNZ(operand.LabelRef("loop"))
	build.DECQ(n)
	build.JNZ(operand.LabelRef("tap"))
}

// fetchC fetches the lines that the tile will write, so that they arrive while it is computed.
func fetchC(s simd, t reg.GPVirtual, acc [][]reg.VecVirtual, quads []reg.GPVirtual, cs, cs3 reg.GPVirtual) {
	build.MOVQ(at(t, tileFlags), cs)
	build.TESTQ(operand.U32(flagFetch), cs)
	build.JZ(operand.LabelRef("product"))
	rowsOfC(t, quads, cs, cs3)
	for i := range acc {
		for v := 0; v < len(acc[i]); v += 64 / s.bytes() {
			build.PREFETCHT0(rowOperand(quads, cs, cs3, i).Offset(v * s.bytes()))
		}
	}
	build.Label("product")
}

// rowsOfC points quads at every fourth row of C, and sets the strides between them.
func rowsOfC(t reg.GPVirtual, quads []reg.GPVirtual, cs, cs3 reg.GPVirtual) {
	c := build.GP64()
	build.MOVQ(at(t, tileC), c)
	build.MOVQ(at(t, tileCS), cs)
	build.LEAQ(operand.Mem{Base: cs, Index: cs, Scale: 2}, cs3)
	for i, q := range quads {
		build.MOVQ(at(t, tileCQ+8*i), q)
		build.ADDQ(c, q)
	}
}

// rowOperand addresses row i: a pointer for every four rows, and a stride inside the four.
func rowOperand(quads []reg.GPVirtual, step, step3 reg.GPVirtual, i int) operand.Mem {
	m := operand.Mem{Base: quads[i/4]}
	switch i % 4 {
	case 1:
		m.Index, m.Scale = step, 1
	case 2:
		m.Index, m.Scale = step, 2
	case 3:
		m.Index, m.Scale = step3, 1
	}
	return m
}

// tileEpilogue scales the sums, adds C and the bias, applies ReLU, as the flags say, and stores the columns of the mask,
// rounded to bfloat16 where a flag says that.
func tileEpilogue(s simd, t reg.GPVirtual, acc [][]reg.VecVirtual, masks []reg.VecVirtual, tmp [2]reg.VecVirtual, quads []reg.GPVirtual, cs, cs3 reg.GPVirtual) {
	lanes := laneMasks(s, t, masks)
	flags, c := build.GP64(), build.GP64()
	rowsOfC(t, quads, cs, cs3)
	build.MOVQ(at(t, tileFlags), flags)
	build.VBROADCASTSS(at(t, tileAlpha), tmp[0])
	each(acc, func(_, _ int, x reg.VecVirtual) { build.VMULPS(tmp[0], x, x) })

	build.TESTQ(operand.U32(flagAdd), flags)
	build.JZ(operand.LabelRef("bias"))
	each(acc, func(i, v int, x reg.VecVirtual) {
		lanes.load(rowOperand(quads, cs, cs3, i).Offset(v*s.bytes()), v, tmp[v])
		build.VADDPS(tmp[v], x, x)
	})

	build.Label("bias")
	build.TESTQ(operand.U32(flagBias), flags)
	build.JZ(operand.LabelRef("relu"))
	build.MOVQ(at(t, tileBias), c)
	for v := range masks {
		lanes.load(at(c, v*s.bytes()), v, tmp[v])
	}
	each(acc, func(_, v int, x reg.VecVirtual) { build.VADDPS(tmp[v], x, x) })

	build.Label("relu")
	build.TESTQ(operand.U32(flagReLU), flags)
	build.JZ(operand.LabelRef("store"))
	s.clear(tmp[0])
	each(acc, func(_, _ int, x reg.VecVirtual) { build.VMAXPS(x, tmp[0], x) })

	build.Label("store")
	if s.wide() { // no other CPU rounds
		build.TESTQ(operand.U32(flagRound), flags)
		build.JZ(operand.LabelRef("floats"))
		each(acc, func(i, v int, x reg.VecVirtual) {
			maskedHalves{avx512bf16, lanes.k[v]}.store(x, rowOperand(quads, cs, cs3, i).Offset(v*s.bytes()/2))
		})
		build.JMP(operand.LabelRef("end"))
		build.Label("floats")
	}
	each(acc, func(i, v int, x reg.VecVirtual) {
		lanes.store(x, v, rowOperand(quads, cs, cs3, i).Offset(v*s.bytes()))
	})
	build.Label("end")
}

func each(acc [][]reg.VecVirtual, f func(i, v int, x reg.VecVirtual)) {
	for i := range acc {
		for v, x := range acc[i] {
			f(i, v, x)
		}
	}
}

// lanes loads and stores the columns that a tile really has.
type lanes struct {
	k    []reg.OpmaskVirtual // AVX-512
	mask []reg.VecVirtual    // AVX2
}

func laneMasks(s simd, t reg.GPVirtual, masks []reg.VecVirtual) lanes {
	if s.wide() {
		k := make([]reg.OpmaskVirtual, len(masks))
		for v := range k {
			k[v] = build.K()
			build.KMOVW(at(t, tileLanes0+v*(tileLanes1-tileLanes0)), k[v])
		}
		return lanes{k: k}
	}
	p := build.GP64()
	build.MOVQ(at(t, tileMasks), p)
	for v := range masks {
		build.VMOVUPS(at(p, v*s.bytes()), masks[v])
	}
	return lanes{mask: masks}
}

func (l lanes) load(m operand.Mem, v int, x reg.VecVirtual) {
	if l.k != nil {
		build.VMOVUPS_Z(m, l.k[v], x)
	} else {
		build.VMASKMOVPS(m, l.mask[v], x)
	}
}

func (l lanes) store(x reg.VecVirtual, v int, m operand.Mem) {
	if l.k != nil {
		build.VMOVUPS(x, l.k[v], m)
	} else {
		build.VMASKMOVPS(x, l.mask[v], m)
	}
}
