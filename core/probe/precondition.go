package probe

import (
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"
)

// preconditioner is a change of the weights' coordinates, w = L⁻ᵀv for each class, in which the objective is nearly
// round where L-BFGS starts: at W = 0 its Hessian is (I − 11ᵀ/K)/K ⊗ XᵀX/n + λI, so L is the Cholesky factor of
// XᵀX/(nK) + λI. Correlated features, such as pixels, then take tens of iterations and not many hundreds.
// The minimum is the same. A preconditioner without a factor changes nothing.
type preconditioner struct {
	d      int
	factor *mat.TriDense // L
}

// Bounds of the preconditioner: a factor of more than maxFactor dimensions costs more than it saves, and jitter, a
// share of the mean diagonal, keeps the matrix positive where the penalty alone does not.
const (
	maxFactor = 4096
	jitter    = 1e-6
)

func newPreconditioner(p *kernel.Pool, x []float32, n, d, classes int, l2 float64) preconditioner {
	if d > maxFactor {
		return preconditioner{d: d}
	}
	square := make([]float32, d*d)
	addOuter(p, x, x, square, n, d, d)
	scale := 1 / (float64(n) * float64(classes))
	sym := mat.NewSymDense(d, nil)
	var trace float64
	for i := range d {
		trace += float64(square[i*d+i]) * scale
	}
	for i := range d {
		for j := i; j < d; j++ {
			sym.SetSym(i, j, float64(square[i*d+j])*scale)
		}
		sym.SetSym(i, i, sym.At(i, i)+l2+jitter*trace/float64(d))
	}
	var chol mat.Cholesky
	if trace == 0 || !chol.Factorize(sym) {
		return preconditioner{d: d}
	}
	factor := mat.NewTriDense(d, mat.Lower, nil)
	chol.LTo(factor)
	return preconditioner{d: d, factor: factor}
}

// toWeights sets w to L⁻ᵀv for each class.
func (p preconditioner) toWeights(w, v []float64) {
	copy(w, v)
	p.solve(w, blas.NoTrans)
}

// toGradient takes a gradient by W to one by V in place: L⁻¹g for each class, by the chain rule.
func (p preconditioner) toGradient(g []float64) { p.solve(g, blas.Trans) }

// solve replaces each row of x [classes, d] by its solution with L from the right, transposed or not.
func (p preconditioner) solve(x []float64, t blas.Transpose) {
	if p.factor == nil {
		return
	}
	blas64.Trsm(blas.Right, t, 1, p.factor.RawTriangular(), blas64.General{Rows: len(x) / p.d, Cols: p.d, Stride: p.d, Data: x})
}
