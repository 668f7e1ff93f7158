// Command gen writes the package's assembly, kernels_amd64.s, and its Go declarations, kernels_amd64.go.
package main

import (
	"flag"
	"log"

	"github.com/mmcloughlin/avo/build"
)

func main() {
	thread()
	for _, s := range []simd{avx2, avx512} {
		tiles(s)
		transpose(s)
		copyRows(s)
		elementwise(s)
		reductions(s)
		columnSums(s)
		winograd(s)
		batchNorm(s)
		maxPool(s)
		optimisers(s)
		conversions(s)
	}
	copyRows(avx512bf16)
	columnSums(avx512bf16)
	winograd(avx512bf16)
	batchNorm(avx512bf16)
	conversions(avx512bf16)
	tiles(avx512dot)
	pairing()
	build.Generate()
	if err := encode(flag.Lookup("out").Value.String()); err != nil {
		log.Fatal(err)
	}
}
