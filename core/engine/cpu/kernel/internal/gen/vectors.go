package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

type binary struct {
	name, sign string
	do         func(a, b, dst reg.VecVirtual) // dst = a op b
}

// Where an operand of max or min is NaN, the instruction returns its second operand, Go's first: that is a, the tensor.
var binaries = []binary{
	{"add", "a + b", func(a, b, d reg.VecVirtual) { build.VADDPS(b, a, d) }},
	{"sub", "a - b", func(a, b, d reg.VecVirtual) { build.VSUBPS(b, a, d) }},
	{"mul", "a * b", func(a, b, d reg.VecVirtual) { build.VMULPS(b, a, d) }},
	{"div", "a / b", func(a, b, d reg.VecVirtual) { build.VDIVPS(b, a, d) }},
	{"max", "max(a, b)", func(a, b, d reg.VecVirtual) { build.VMAXPS(a, b, d) }},
	{"min", "min(a, b)", func(a, b, d reg.VecVirtual) { build.VMINPS(a, b, d) }},
	{"subFrom", "b - a", func(a, b, d reg.VecVirtual) { build.VSUBPS(a, b, d) }},
	{"divInto", "b / a", func(a, b, d reg.VecVirtual) { build.VDIVPS(a, b, d) }},
}

// elementwise writes the kernels of vectors of equal length.
func elementwise(s simd) {
	for _, op := range binaries {
		body := func(s simd, v vectors) {
			d := s.vec()
			op.do(v["a"], v["b"], d)
			v["dst"] = d
		}
		flat(s, kernel{name: op.name, doc: "sets dst = " + op.sign + ".", mats: list("a b"), outs: list("dst"), body: body})
		flat(s, kernel{name: op.name + "Scalar", doc: "sets dst = " + op.sign + ".", mats: list("a"), scalars: list("b"), outs: list("dst"), body: body})
		rowwise(s, kernel{name: op.name + "Rows", doc: "sets dst = " + op.sign + " with b a row.", mats: list("a"), cols: list("b"), outs: list("dst"), body: body})
	}
	unaries(s)
	combined(s)
}

func unaries(s simd) {
	flat(s, kernel{name: "square", doc: "sets dst = a*a.", mats: list("a"), outs: list("dst"), body: func(s simd, v vectors) {
		v["dst"] = s.vec()
		build.VMULPS(v["a"], v["a"], v["dst"])
	}})
	flat(s, kernel{name: "sqrt", doc: "sets dst to the square root of a.", mats: list("a"), outs: list("dst"), body: func(s simd, v vectors) {
		v["dst"] = s.vec()
		build.VSQRTPS(v["a"], v["dst"])
	}})
	flat(s, kernel{name: "abs", doc: "sets dst = |a|.", mats: list("a"), outs: list("dst"), body: func(s simd, v vectors) {
		v["dst"] = s.vec()
		build.VANDPS(s.splatBits(0x7fffffff), v["a"], v["dst"])
	}})
}

func combined(s simd) {
	flat(s, kernel{name: "affine", doc: "sets dst = x*a + b.", mats: list("x"), scalars: list("a b"), outs: list("dst"), body: func(s simd, v vectors) {
		build.VFMADD213PS(v["b"], v["a"], v["x"])
		v["dst"] = v["x"]
	}})
	flat(s, kernel{name: "axpy", doc: "adds a*x to dst.", mats: list("dst x"), scalars: list("a"), outs: list("dst"), body: func(s simd, v vectors) {
		build.VFMADD231PS(v["a"], v["x"], v["dst"])
	}})
	flat(s, kernel{name: "mulAdd", doc: "sets dst = a*b + c.", mats: list("a b c"), outs: list("dst"), body: func(s simd, v vectors) {
		build.VFMADD231PS(v["a"], v["b"], v["c"])
		v["dst"] = v["c"]
	}})
	flat(s, kernel{name: "reluGrad", doc: "sets dst = dy where y is positive, else 0.", mats: list("dy y"), outs: list("dst"), body: func(s simd, v vectors) {
		v["dst"] = v["dy"]
		s.keepPositive(v["dy"], v["y"])
	}})
}

// keepPositive clears the lanes of x where y is not positive.
func (s simd) keepPositive(x, y reg.VecVirtual) {
	zero := s.zero()
	const lessThan = operand.U8(1)
	if s.wide() {
		k := build.K()
		build.VCMPPS(lessThan, y, zero, k)
		build.VMOVAPS_Z(x, k, x)
		return
	}
	build.VCMPPS(lessThan, y, zero, zero)
	build.VANDPS(zero, x, x)
}

// reductions writes the sums over vectors.
func reductions(s simd) {
	reduce(s, kernel{name: "sum", doc: "returns the sum of a.", mats: list("a"), body: func(s simd, v vectors) {
		build.VADDPS(v["a"], v["sum"], v["sum"])
	}})
	reduce(s, kernel{name: "sumSquares", doc: "returns the sum of a*a.", mats: list("a"), body: func(s simd, v vectors) {
		build.VFMADD231PS(v["a"], v["a"], v["sum"])
	}})
	reduce(s, kernel{name: "dot", doc: "returns the sum of a*b.", mats: list("a b"), body: func(s simd, v vectors) {
		build.VFMADD231PS(v["a"], v["b"], v["sum"])
	}})
	reduce(s, kernel{name: "sumSquaredDiff", doc: "returns the sum of (a-b)².", mats: list("a b"), body: func(s simd, v vectors) {
		d := s.vec()
		build.VSUBPS(v["b"], v["a"], d)
		build.VFMADD231PS(d, d, v["sum"])
	}})
}

func columnSums(s simd) {
	columns(s, kernel{name: "colSums", doc: "sets sum to the sums down the columns of a.", mats: list("a"), outs: list("sum"), body: func(s simd, v vectors) {
		build.VADDPS(v["a"], v["sum"], v["sum"])
	}}, 4)
}
