package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// optimisers writes the parameter updates. See the package's SGD, AdamW and EMA for the formulas.
func optimisers(s simd) {
	for _, nesterov := range []bool{false, true} {
		k := kernel{name: "sgd", doc: "updates w and v by stochastic gradient descent.", mats: list("w dw v"), scalars: list("lr momentum decay scale"), outs: list("w v")}
		if nesterov {
			k.name, k.doc = "sgdNesterov", "updates w and v by stochastic gradient descent with Nesterov's momentum."
		}
		k.body = func(s simd, v vectors) {
			d := v["dw"]
			build.VFMADD231PS(v["decay"], v["w"], d)
			build.VMULPS(v["scale"], d, d)
			build.VFMADD213PS(d, v["momentum"], v["v"])
			if nesterov {
				build.VFMADD231PS(v["momentum"], v["v"], d)
			} else {
				d = v["v"]
			}
			build.VFNMADD231PS(v["lr"], d, v["w"])
		}
		flat(s, k)
	}
	flat(s, kernel{
		name: "adamW", doc: "updates w, m and v by AdamW.",
		mats: list("w dw m v"), scalars: list("beta1 rest1 beta2 rest2 rate root eps keep"), outs: list("w m v"),
		body: func(s simd, v vectors) {
			d := v["dw"]
			build.VMULPS(v["beta1"], v["m"], v["m"])
			build.VFMADD231PS(v["rest1"], d, v["m"])
			build.VMULPS(d, d, d)
			build.VMULPS(v["beta2"], v["v"], v["v"])
			build.VFMADD231PS(v["rest2"], d, v["v"])
			build.VSQRTPS(v["v"], d)
			build.VFMADD213PS(v["eps"], v["root"], d)
			t := s.vec()
			build.VMULPS(v["rate"], v["m"], t)
			build.VDIVPS(d, t, t)
			build.VMULPS(v["keep"], v["w"], v["w"])
			build.VSUBPS(t, v["w"], v["w"])
		},
	})
	flat(s, kernel{name: "ema", doc: "sets t = keep*t + rest*o.", mats: list("t o"), scalars: list("keep rest"), outs: list("t"), body: func(s simd, v vectors) {
		build.VMULPS(v["keep"], v["t"], v["t"])
		build.VFMADD231PS(v["rest"], v["o"], v["t"])
	}})
}

// maxPool writes the step of max pooling's gradient: where x is y, dx takes what is left of the gradient.
func maxPool(s simd) {
	flat(s, kernel{name: "maxPoolGrad", doc: "moves left to dx where x equals y.", mats: list("x y left dx"), outs: list("left dx"), body: func(s simd, v vectors) {
		taken := s.vec()
		const equal = 0
		if s.wide() {
			k := build.K()
			build.VCMPPS(operand.U8(equal), v["y"], v["x"], k)
			build.VMOVAPS_Z(v["left"], k, taken)
			build.VADDPS(taken, v["dx"], v["dx"])
			build.VXORPS(taken, v["left"], v["left"])
			return
		}
		build.VCMPPS(operand.U8(equal), v["y"], v["x"], taken)
		build.VANDPS(v["left"], taken, taken)
		build.VADDPS(taken, v["dx"], v["dx"])
		build.VXORPS(taken, v["left"], v["left"])
	}})
}
