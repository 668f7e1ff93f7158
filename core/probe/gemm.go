package probe

import "github.com/sslctl/sslctl/core/engine/cpu/kernel"

// product is C[m,n] = A[m,k]·B[n,k]ᵀ.
func product(p *kernel.Pool, a, b, c []float32, m, n, k int) {
	kernel.Gemm(p, kernel.GemmArgs{TransB: true, M: m, N: n, K: k, Alpha: 1, A: a, Lda: k, B: b, Ldb: k, C: c, Ldc: n})
}

// addOuter is C[m,n] += A[k,m]ᵀ·B[k,n].
func addOuter(p *kernel.Pool, a, b, c []float32, k, m, n int) {
	kernel.Gemm(p, kernel.GemmArgs{TransA: true, M: m, N: n, K: k, Alpha: 1, A: a, Lda: m, B: b, Ldb: n, Beta: 1, C: c, Ldc: n})
}
