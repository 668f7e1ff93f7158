// Package main is the uniformity of Wang and Isola (ICML 2020) as a regulariser that joins any method: on the unit sphere
// it pushes the embeddings of a view apart, as particles with a Gaussian potential.
package main

import (
	"math"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin"
)

func main() { plugin.ServeRegulariser(Uniformity{}) }

// Uniformity is the regulariser.
type Uniformity struct{}

var _ method.Regulariser = Uniformity{}

// Describe says what the regulariser is.
func (Uniformity) Describe() method.Description {
	return method.Description{
		Name: "uniformity", Title: "Uniformity: spreads the embeddings over the unit sphere", Version: "1.0.0",
		Formula: "u(Z) = log( (2/(n(n−1))) Σ_{i<j} exp(−t ‖ẑᵢ − ẑⱼ‖²) ),  ẑ = z/‖z‖, mean over the views",
		Sources: []string{"Wang, Isola: Understanding Contrastive Representation Learning through Alignment and Uniformity on the Hypersphere. ICML 2020 (arXiv 2005.10242), L_uniform", "github.com/SsnL/align_uniform"},
		Params: []method.Param{
			method.Float("weight", 1, "factor in the loss").AtLeast(0),
			method.Float("t", 2, "sharpness of the potential").AtLeast(0.01),
		},
	}
}

// Penalty is the mean of the views' uniformity. Rows that are unit already stay as they are.
func (Uniformity) Penalty(z []expr.Tensor, _ bool, h method.Values) expr.Tensor {
	total := uniformity(z[0], h.Float("t"))
	for _, view := range z[1:] {
		total = total.Add(uniformity(view, h.Float("t")))
	}
	return total.Scale(1 / float64(len(z)))
}

// uniformity is L_uniform of one view [n, d]. Of unit rows ‖a−b‖² is 2 − 2ab, and the mean over pairs i<j is that over the
// n(n−1) elements off the diagonal, where a pair stands twice.
func uniformity(z expr.Tensor, t float64) expr.Tensor {
	n := float64(z.Dim(0))
	unit := z.L2Normalise()
	potential := unit.MatMulT(unit).Affine(2*t, -2*t).Exp().OffDiagonal()
	return potential.Sum().Log().Shift(-math.Log(n * (n - 1)))
}
