// Package barlowtwins is Barlow Twins (Zbontar et al., ICML 2021): the cross-correlation of two views' embeddings is drawn
// to the identity. No negatives, no predictor, no target branch.
//
// It follows the official code, github.com/facebookresearch/barlowtwins. Where paper and code differ a hyper-parameter names
// both, and the code is the default.
package barlowtwins

import (
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
)

// Method is Barlow Twins.
type Method struct{}

var _ method.Method = Method{}

// eps is added to the variance, PyTorch's batch norm's.
const eps = 1e-5

// Objective is eq. 1: sum_i (C_ii - 1)^2 + lambda sum_{i != j} C_ij^2, with C the cross-correlation over the batch.
func (Method) Objective(e method.Embeddings, h method.Values) method.Loss {
	c := correlation(e.Z(0), e.Z(1), h.String("std"))
	scale := h.Float("scale")
	return method.Sum(
		method.Term("on_diagonal", scale, c.Diagonal().Shift(-1).Square().Sum()),
		method.Term("off_diagonal", scale*h.Float("lambda"), c.OffDiagonal().Square().Sum()),
	)
}

// correlation is standardise(z)' standardise(z') / n.
func correlation(z, zp expr.Tensor, convention string) expr.Tensor {
	n := z.Dim(0)
	return standardise(z, convention).TMatMul(standardise(zp, convention)).Scale(1 / float64(n))
}

// standardise makes each dimension of mean 0 and deviation 1 over the batch: by batch norm, that is with the biased variance
// and eps, in the official code; with the unbiased deviation in the paper's Algorithm 1, whose diagonal then ends at
// (n-1)/n.
func standardise(z expr.Tensor, convention string) expr.Tensor {
	variance := z.Var(0).Shift(eps)
	if convention == "paper" {
		variance = z.Var(1)
	}
	return z.Sub(z.MeanKeep(0)).Div(variance.Sqrt())
}

// Recipe is the official projector: linear layers without bias, batch norm and ReLU between them.
func (Method) Recipe(h method.Values) method.Recipe {
	norm := method.Affine
	if !h.Bool("head_norm") {
		norm = method.NoNorm
	}
	widths := h.Ints("projector")
	projector := make(method.Head, len(widths))
	for i, w := range widths {
		projector[i] = method.Layer{Width: w, Norm: norm, ReLU: true}
	}
	projector[len(widths)-1] = method.Layer{Width: widths[len(widths)-1]}
	return method.Recipe{Projector: projector, Unshared: h.Bool("unshared")}
}
