package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose writes the kernel that transposes square blocks of one vector's length.
func transpose(s simd) {
	name := "transpose" + s.name
	function(name, "func(blocks int, src *float32, srcStride int, dst *float32, dstStride int)")
	build.Doc(fmt.Sprintf("%s transposes blocks of %d rows and columns that follow each other along src's rows and dst's columns; strides in bytes.", name, s.lanes))
	blocks, src, ss := param("blocks"), param("src"), param("srcStride")
	dst, ds := param("dst"), param("dstStride")
	p := build.GP64()
	build.Label("block")
	build.MOVQ(src, p)
	rows := make([]reg.VecVirtual, s.lanes)
	for i := range rows {
		rows[i] = s.vec()
		build.VMOVUPS(at(p, 0), rows[i])
		if i < s.lanes-1 {
			build.ADDQ(ss, p)
		}
	}
	for _, c := range transposed(s, rows) {
		build.VMOVUPS(c, at(dst, 0))
		build.ADDQ(ds, dst)
	}
	build.ADDQ(operand.U32(uint32(s.bytes())), src)
	build.DECQ(blocks)
	build.JNZ(operand.LabelRef("block"))
	finish()
}

// transposed interleaves floats, then pairs, then 128-bit lanes.
func transposed(s simd, r []reg.VecVirtual) []reg.VecVirtual {
	n := s.lanes
	t := make([]reg.VecVirtual, n)
	for i := 0; i < n; i += 2 {
		t[i], t[i+1] = s.vec(), s.vec()
		build.VUNPCKLPS(r[i+1], r[i], t[i])
		build.VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	q := make([]reg.VecVirtual, n) // q[4g+j]: column j of every 128-bit lane, rows 4g..4g+3
	for i := 0; i < n; i += 4 {
		for j := range 2 {
			q[i+2*j], q[i+2*j+1] = s.vec(), s.vec()
			build.VUNPCKLPD(t[i+2+j], t[i+j], q[i+2*j])
			build.VUNPCKHPD(t[i+2+j], t[i+j], q[i+2*j+1])
		}
	}
	out := make([]reg.VecVirtual, n)
	if !s.wide() {
		for j := range 4 {
			out[j], out[4+j] = s.vec(), s.vec()
			build.VPERM2F128(operand.U8(0x20), q[4+j], q[j], out[j])
			build.VPERM2F128(operand.U8(0x31), q[4+j], q[j], out[4+j])
		}
		return out
	}
	for j := range 4 {
		even, odd := [2]reg.VecVirtual{s.vec(), s.vec()}, [2]reg.VecVirtual{s.vec(), s.vec()}
		for h := range 2 { // rows 8h..8h+7: lanes 0 and 2, lanes 1 and 3
			build.VSHUFF32X4(operand.U8(0x88), q[8*h+4+j], q[8*h+j], even[h])
			build.VSHUFF32X4(operand.U8(0xdd), q[8*h+4+j], q[8*h+j], odd[h])
		}
		for lane := range 2 {
			imm := operand.U8(0x88 + lane*0x55)
			out[8*lane+j], out[8*lane+4+j] = s.vec(), s.vec()
			build.VSHUFF32X4(imm, even[1], even[0], out[8*lane+j])
			build.VSHUFF32X4(imm, odd[1], odd[0], out[8*lane+4+j])
		}
	}
	return out
}

// copyRows writes the kernels that pack columns of a matrix, one or two vectors wide. The matrix is in bfloat16 where s.bf16
// says so.
func copyRows(s simd) {
	for vecs := 1; vecs <= 2; vecs++ {
		name := fmt.Sprintf("copyRows%d%s", vecs, s.name)
		a, number, signature := access(whole{}), 4, "func(rows int, src *float32, stride int, dst *float32)"
		if s.bf16 {
			a, number, signature = halves{s}, 2, "func(rows int, src *uint16, stride int, dst *float32)"
		}
		function(name, signature)
		build.Doc(fmt.Sprintf("%s copies the first %d numbers of rows that are stride bytes apart, one after the other.", name, vecs*s.lanes))
		rows, src, stride, dst := param("rows"), param("src"), param("stride"), param("dst")
		build.Label("row")
		for v := range vecs {
			x := s.vec()
			a.load(at(src, v*s.lanes*number), x)
			build.VMOVUPS(x, at(dst, v*s.bytes()))
		}
		build.ADDQ(stride, src)
		build.ADDQ(operand.U32(uint32(vecs*s.bytes())), dst)
		build.DECQ(rows)
		build.JNZ(operand.LabelRef("row"))
		finish()
	}
}
