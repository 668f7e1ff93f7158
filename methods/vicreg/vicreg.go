// Package vicreg is VICReg (Bardes, Ponce, LeCun, ICLR 2022): embeddings of two views are drawn together while each
// dimension keeps its variance and the dimensions are decorrelated. No negatives, no predictor, no target branch.
//
// It follows the official code, github.com/facebookresearch/vicreg. Where paper and code differ a hyper-parameter names
// both, and the code is the default.
package vicreg

import (
	"github.com/sslctl/sslctl/methods/reg"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
)

// Method is VICReg.
type Method struct{}

var _ method.Method = Method{}

// Objective is eq. 6: lambda s(Z,Z') + mu [v(Z) + v(Z')] + nu [c(Z) + c(Z')].
func (Method) Objective(e method.Embeddings, h method.Values) method.Loss {
	z, zp := e.Z(0), e.Z(1)
	return method.Sum(
		method.Term("invariance", h.Float("lambda"), invariance(e, h)),
		method.Term("variance", h.Float("mu"), variance(h, z, zp)),
		method.Term("covariance", h.Float("nu"), reg.Covariance(z, zp)),
	)
}

// invariance is s(Z,Z'), the mean squared difference; with a predictor it is taken between each prediction and the other
// view's embedding, half each, and the gradient flows through both.
func invariance(e method.Embeddings, h method.Values) expr.Tensor {
	if h.Bool("predictor") {
		return e.P(0).MSE(e.Z(1)).Add(e.P(1).MSE(e.Z(0))).Scale(0.5)
	}
	return e.Z(0).MSE(e.Z(1))
}

// variance is averaged over the branches in the official code, and summed in the paper's Algorithm 1.
func variance(h method.Values, z, zp expr.Tensor) expr.Tensor {
	v := reg.Variance(h.Float("gamma"), z, zp)
	if h.String("var_reduction") == "paper" {
		return v.Scale(2)
	}
	return v
}
