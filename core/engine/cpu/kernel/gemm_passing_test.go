package kernel

import (
	"fmt"
	"math"
	"sync"
	"testing"
)

// TestGemmPassing: the pieces of a product that is not stored are the product, each element once: of shapes that are made row by
// row, and of others.
func TestGemmPassing(t *testing.T) {
	for _, g := range []GemmArgs{
		{TransA: true, M: 1030, N: 560, K: 16}, {TransA: true, M: 2100, N: 257, K: 7}, {TransA: true, M: 130, N: 40, K: 300}, {M: 30, N: 20, K: 9},
	} {
		g.Alpha, g.Lda, g.Ldb, g.Ldc = 1, g.K, g.N, g.N
		if g.TransA {
			g.Lda = g.M
		}
		r := newRand(21)
		g.A, g.B = random(r, g.M*g.K), random(r, g.K*g.N)
		for _, isa := range ISAs() {
			for _, threads := range []int{1, 3} {
				stored, got := poison(g.M*g.N), make([]float32, g.M*g.N)
				p := NewPool(threads, WithISA(isa))
				whole := g
				whole.C = stored
				Gemm(p, whole)
				seen := make([]int, g.M*g.N)
				var mu sync.Mutex
				GemmPassing(p, g, func(first int, piece []float32) {
					mu.Lock()
					defer mu.Unlock()
					copy(got[first:], piece)
					for i := range piece {
						seen[first+i]++
					}
				})
				p.Close()
				for i := range got {
					if seen[i] != 1 || math.Float32bits(got[i]) != math.Float32bits(stored[i]) {
						t.Errorf("%s: element %d is %v, taken %d times, want %v", fmt.Sprint(isa, g.M, g.N, g.K), i, got[i], seen[i], stored[i])
						break
					}
				}
			}
		}
	}
}
