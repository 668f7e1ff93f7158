package kernel

import (
	"fmt"
	"slices"
	"testing"
)

func gemmTruth(g GemmArgs) []float64 {
	want := widen(g.C)
	for i := range g.M {
		for j := range g.N {
			var sum float64
			for k := range g.K {
				a, b := g.A[min(len(g.A)-1, i*g.Lda+k)], g.B[min(len(g.B)-1, k*g.Ldb+j)]
				if g.TransA {
					a = g.A[k*g.Lda+i]
				}
				if g.TransB {
					b = g.B[j*g.Ldb+k]
				}
				sum += float64(a) * float64(b)
			}
			c := float64(g.Alpha) * sum
			if g.Beta != 0 {
				c += float64(g.Beta) * want[i*g.Ldc+j]
			}
			if g.Bias != nil {
				c += float64(g.Bias[j])
			}
			if g.ReLU {
				c = max(c, 0)
			}
			want[i*g.Ldc+j] = c
		}
	}
	return want
}

func TestGemm(t *testing.T) {
	sizes := [][3]int{
		{1, 1, 1}, {1, 40, 7}, {40, 1, 7}, {3, 5, 0}, {0, 4, 4}, {14, 32, 16}, {15, 33, 17}, {13, 16, 100}, {29, 48, 385},
		{6, 8, 3}, {7, 9, 64}, {64, 64, 64}, {113, 31, 256}, {128, 97, 33}, {40, 24, 1100}, {31, 65, 2050}, {250, 100, 50}, {16, 70, 40}, {33, 130, 257}, {20, 512, 3},
		{16, 2048, 300}, {500, 16, 1100}, {300, 24, 2048},
	}
	r := newRand(1)
	for n, size := range sizes {
		for trans := range 4 {
			g := GemmArgs{TransA: trans&1 != 0, TransB: trans&2 != 0, M: size[0], N: size[1], K: size[2], Alpha: 1}
			g.Lda, g.Ldb, g.Ldc = g.K+n%3, g.N+n%2, g.N+n%3
			if g.TransA {
				g.Lda = g.M + n%2
			}
			if g.TransB {
				g.Ldb = g.K + n%2
			}
			if n%4 == 1 {
				g.Lda = (g.Lda + 255) &^ 255
			}
			if n%2 == 0 {
				g.Alpha, g.Beta = -0.5, 2
			} else if n%3 == 0 {
				g.Beta = 1
			}
			if n%3 == 1 {
				g.Bias = random(r, g.N)
			}
			g.ReLU = n%5 == 2
			g.A = random(r, max(g.M, g.K)*g.Lda+1)
			g.B = random(r, max(g.N, g.K)*g.Ldb+1)
			c := random(r, g.M*g.Ldc)
			if g.Beta == 0 {
				c = make([]float32, len(c))
			}
			g.C = c
			name := fmt.Sprintf("gemm %v transA=%v transB=%v", size, g.TransA, g.TransB)
			onAll(t, name, gemmTruth(g), 3e-5, func(p *Pool) []float32 {
				g := g
				g.C = slices.Clone(c)
				Gemm(p, g)
				return g.C
			})
		}
	}
}

func TestGemmBetaZeroIgnoresC(t *testing.T) {
	r := newRand(2)
	for _, k := range []int{0, 5, 9000} {
		g := GemmArgs{M: 9, N: 20, K: k, Alpha: 1, A: random(r, 9*k), Lda: k, B: random(r, 20*k), Ldb: 20, C: make([]float32, 180), Ldc: 20}
		onAll(t, fmt.Sprintf("depth %d", k), gemmTruth(g), 1e-4, func(p *Pool) []float32 {
			g := g
			g.C = poison(180)
			Gemm(p, g)
			return g.C
		})
	}
}

func TestGemmRejectsShortSlices(t *testing.T) {
	p := NewPool(1)
	defer p.Close()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	Gemm(p, GemmArgs{M: 4, N: 4, K: 4, Alpha: 1, A: make([]float32, 15), Lda: 4, B: make([]float32, 16), Ldb: 4, C: make([]float32, 16), Ldc: 4})
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct {
		m, n, k        int
		transA, transB bool
	}{
		{1024, 1024, 1024, false, false}, {1024, 1024, 1024, false, true}, {1024, 1024, 1024, true, false},
		{8192, 64, 576, false, false}, {8192, 512, 4608, false, false}, {256, 512, 512, false, true}, {512, 512, 256, true, false},
		{128, 2048, 2048, false, true}, {128, 2048, 2048, false, false}, {64, 2048, 2048, false, true}, {64, 512, 512, false, true}, {64, 512, 512, false, false}, {64, 256, 131072, true, false}, {16, 16, 16, false, false},
		{16, 8192, 8192, false, true}, {16, 8192, 8192, false, false}, {8192, 8192, 16, true, false},
	} {
		name := fmt.Sprintf("%dx%dx%d", s.m, s.n, s.k)
		if s.transA {
			name += "/tA"
		}
		if s.transB {
			name += "/tB"
		}
		b.Run(name, func(b *testing.B) {
			r := newRand(3)
			g := GemmArgs{TransA: s.transA, TransB: s.transB, M: s.m, N: s.n, K: s.k, Alpha: 1, A: random(r, s.m*s.k), Lda: s.k, B: random(r, s.k*s.n), Ldb: s.n, C: random(r, s.m*s.n), Ldc: s.n}
			if s.transA {
				g.Lda = s.m
			}
			if s.transB {
				g.Ldb = s.k
			}
			onPools(b, 2*float64(s.m*s.n*s.k), func(p *Pool) { Gemm(p, g) })
		})
	}
}
