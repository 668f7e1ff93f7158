// Command gen writes the package's assembly, kernels_amd64.s, and its Go declarations, kernels_amd64.go.
package main

import "github.com/mmcloughlin/avo/build"

func main() {
	transpose()
	for _, s := range []simd{avx2, avx512} {
		narrow(s, 1)
		narrow(s, 3)
		combine(s)
		affine(s)
		luminanceSum(s)
		saturate(s)
		gray(s)
		hue(s)
		widen(s)
		weighColumns(s)
		weighRow(s)
		interleave(s)
		single(s)
	}
	sumBytes()
	build.Generate()
}
