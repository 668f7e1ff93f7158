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
		winograd(s)
		batchNorm(s)
		maxPool(s)
		optimisers(s)
		conversions(s)
	}
	conversions(avx512bf16)
	build.Generate()
	if err := encodeRounding(flag.Lookup("out").Value.String()); err != nil {
		log.Fatal(err)
	}
}
