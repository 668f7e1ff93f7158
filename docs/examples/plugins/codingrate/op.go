package main

import (
	"fmt"
	"math"

	"github.com/sslctl/sslctl/sdk/expr"
	"gonum.org/v1/gonum/mat"
)

// Rate is the coding rate of n rows of width d, a scalar:
//
//	R(Z) = ½ log det(I + αZZ')    α = d/(nε²)
//	dR/dZ = α (I + αZZ')⁻¹ Z
//
// which is the same with Z'Z in place of ZZ' [n, n]. The matrix is positive definite, so a Cholesky factor gives both. Of
// embeddings that are not finite it is NaN, which the host reports as a run that diverged.
type Rate struct{ Eps2 float64 }

var _ expr.CustomOp = Rate{}

// Name is how a program names the op.
func (Rate) Name() string { return "codingrate" }

// Shapes is the shape rule: a matrix gives a scalar.
func (Rate) Shapes(in []expr.Shape) ([]expr.Shape, error) {
	if len(in) != 1 || len(in[0]) != 2 {
		return nil, fmt.Errorf("takes one matrix, not %v", in)
	}
	return []expr.Shape{{}}, nil
}

// Forward computes R.
func (r Rate) Forward(in, out []expr.Array) error {
	out[0].Data[0] = float32(math.NaN())
	if factor, _, ok := r.factorise(in[0]); ok {
		out[0].Data[0] = float32(factor.LogDet() / 2)
	}
	return nil
}

// Backward computes dR/dZ times the gradient of R.
func (r Rate) Backward(in, _, grad, into []expr.Array) error {
	factor, z, ok := r.factorise(in[0])
	if !ok {
		for i := range into[0].Data {
			into[0].Data[i] = float32(math.NaN())
		}
		return nil
	}
	var solved mat.Dense
	if err := factor.SolveTo(&solved, z); err != nil {
		return err
	}
	scale := r.alpha(in[0].Shape) * float64(grad[0].Data[0])
	for i, v := range solved.RawMatrix().Data {
		into[0].Data[i] = float32(scale * v)
	}
	return nil
}

func (r Rate) alpha(s expr.Shape) float64 { return float64(s[1]) / (float64(s[0]) * r.Eps2) }

// factorise gives the Cholesky factor of I + αZZ', and Z; ok is false where there is no factor.
func (r Rate) factorise(a expr.Array) (factor *mat.Cholesky, z *mat.Dense, ok bool) {
	n, d := a.Shape[0], a.Shape[1]
	z = mat.NewDense(n, d, nil)
	for i, v := range a.Data {
		z.RawMatrix().Data[i] = float64(v)
	}
	gram := mat.NewSymDense(n, nil)
	gram.SymOuterK(r.alpha(a.Shape), z)
	for i := range n {
		gram.SetSym(i, i, gram.At(i, i)+1)
	}
	factor = &mat.Cholesky{}
	return factor, z, factor.Factorize(gram)
}
