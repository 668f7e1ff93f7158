package collapse_test

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/sslctl/sslctl/core/probe/collapse"
)

func Example() {
	const n, d = 200, 32
	z := embeddings(n, d, func(r *rand.Rand, row []float64) { // the same for all images, but for noise
		for j := range row {
			row[j] = 1 + 0.001*r.NormFloat64()
		}
	})
	s, err := collapse.Analyse(context.Background(), z, n, d)
	if err != nil {
		panic(err)
	}
	v := collapse.Judge(s, collapse.Context{Unit: true})
	fmt.Println(v.Kind)
	fmt.Println(v.Evidence[0])
	fmt.Println(v.Advice[0])
	// Output:
	// complete
	// the spread on the unit sphere is 0.0010 of 1: two images' embeddings have a mean cosine of 1.0000
	// give the objective a variance term: `--add-reg var,cov`, or for VICReg a mu as large as lambda
}
