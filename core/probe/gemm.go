package probe

import (
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"
)

// product is C[m,n] = A[m,k]·B[n,k]ᵀ.
func product(_ *kernel.Pool, a, b, c []float32, m, n, k int) {
	blas32.Gemm(blas.NoTrans, blas.Trans, 1, general(a, m, k), general(b, n, k), 0, general(c, m, n))
}

// outer is C[m,n] = A[k,m]ᵀ·B[k,n].
func outer(_ *kernel.Pool, a, b, c []float32, k, m, n int) {
	blas32.Gemm(blas.Trans, blas.NoTrans, 1, general(a, k, m), general(b, k, n), 0, general(c, m, n))
}

func general(x []float32, rows, cols int) blas32.General {
	return blas32.General{Rows: rows, Cols: cols, Stride: cols, Data: x[:rows*cols]}
}
