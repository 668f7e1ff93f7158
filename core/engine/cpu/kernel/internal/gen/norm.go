package main

import "github.com/mmcloughlin/avo/build"

// batchNorm writes the passes of batch norm over a matrix of rows x channels.
func batchNorm(s simd) {
	group := 2
	if s.wide() {
		group = 4
	}
	columns(s, kernel{name: "bnStats", doc: "sums x-shift and its square down the columns.", mats: list("x"), cols: list("shift"), outs: list("sum squares"), body: func(s simd, v vectors) {
		build.VSUBPS(v["shift"], v["x"], v["x"])
		build.VADDPS(v["x"], v["sum"], v["sum"])
		build.VFMADD231PS(v["x"], v["x"], v["squares"])
	}}, group)
	for _, masked := range []bool{false, true} {
		k := kernel{name: "bnReduce", doc: "sums dy*(x-mean) and dy down the columns.", mats: list("x dy"), cols: list("mean"), outs: list("dot sum")}
		if masked {
			k.name, k.doc, k.mats = "bnReduceMasked", "sums dy*(x-mean) and dy down the columns, where y is positive.", list("x dy y")
		}
		k.body = func(s simd, v vectors) {
			if masked {
				s.keepPositive(v["dy"], v["y"])
			}
			build.VSUBPS(v["mean"], v["x"], v["x"])
			build.VADDPS(v["dy"], v["sum"], v["sum"])
			build.VFMADD231PS(v["dy"], v["x"], v["dot"])
		}
		columns(s, k, group)
	}
	bnApply(s)
	bnBackward(s)
}

// bnApply writes y = (x-mean)*a + b, plus a residual, through ReLU.
func bnApply(s simd) {
	for _, v := range []struct {
		name           string
		residual, relu bool
	}{{"bnApply", false, false}, {"bnApplyReLU", false, true}, {"bnApplyAdd", true, false}, {"bnApplyAddReLU", true, true}} {
		k := kernel{name: v.name, doc: "applies batch norm.", mats: list("x"), cols: list("mean a b"), outs: list("y")}
		if v.residual {
			k.mats = list("x res")
		}
		k.body = func(s simd, r vectors) {
			x := r["x"]
			build.VSUBPS(r["mean"], x, x)
			build.VFMADD213PS(r["b"], r["a"], x)
			if v.residual {
				build.VADDPS(r["res"], x, x)
			}
			if v.relu {
				build.VMAXPS(x, s.zero(), x)
			}
			r["y"] = x
		}
		inBothWays(s, k)
	}
}

// bnBackward writes dx = a*dy + b*(x-mean) + c, with dy masked by ReLU's output and kept for the residual branch.
func bnBackward(s simd) {
	for _, v := range []struct {
		name       string
		mats, outs string
	}{{"bnBackward", "x dy", "dx"}, {"bnBackwardMasked", "x dy y", "dx"}, {"bnBackwardBranch", "x dy y", "dx dres"}} {
		k := kernel{name: v.name, doc: "differentiates batch norm.", mats: list(v.mats), cols: list("mean a b c"), outs: list(v.outs)}
		k.body = func(s simd, r vectors) {
			x := r["x"]
			if _, masked := r["y"]; masked {
				s.keepPositive(r["dy"], r["y"])
				r["dres"] = r["dy"]
			}
			build.VSUBPS(r["mean"], x, x)
			build.VFMADD213PS(r["c"], r["b"], x)
			build.VFMADD231PS(r["dy"], r["a"], x)
			r["dx"] = x
		}
		inBothWays(s, k)
	}
}

// inBothWays writes a kernel over rows, and one that streams its results.
func inBothWays(s simd, k kernel) {
	rowwise(s, k)
	if !s.bf16 {
		k.name, k.doc, k.streamed = k.name+"Stream", k.doc+" Results are streamed: rows are aligned, of whole vectors.", true
		rowwise(s, k)
	}
}
