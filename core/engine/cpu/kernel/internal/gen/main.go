// Command gen writes the package's assembly, kernels_amd64.s, and its Go declarations, kernels_amd64.go.
package main

import "github.com/mmcloughlin/avo/build"

func main() {
	thread()
	for _, s := range []simd{avx2, avx512} {
		tiles(s)
		transpose(s)
		copyRows(s)
		elementwise(s)
		reductions(s)
		winograd(s)
		batchNorm(s)
		maxPool(s)
		optimisers(s)
	}
	build.Generate()
}
