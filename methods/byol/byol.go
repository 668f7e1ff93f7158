// Package byol is BYOL, Bootstrap Your Own Latent (Grill et al., NeurIPS 2020): the online branch predicts what a slowly
// moving copy of itself makes of the other view. No negatives; the target branch receives no gradient.
//
// It follows the official code, github.com/google-deepmind/deepmind-research/tree/master/byol, but for the start of the
// target branch, which copies the online one (official: an initialisation of its own, "no significant difference").
package byol

import (
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
)

// Method is BYOL.
type Method struct{}

var _ method.Method = Method{}

// Objective is the sum over both directions of the squared distance of l2-normalised prediction and target, 2 - 2 cos,
// mean over the batch (eq. 2, symmetrised).
func (Method) Objective(e method.Embeddings, h method.Values) method.Loss {
	online := e.Z
	if h.Bool("predictor") {
		online = e.P
	}
	return method.Sum(
		method.Term("regression", 1, regression(online(0), e.T(1)).Add(regression(online(1), e.T(0)))),
	)
}

func regression(p, target expr.Tensor) expr.Tensor {
	return p.Cosine(target).Affine(-2, 2).Mean()
}

// Recipe is projector and predictor of the same form: linear with bias, batch norm, ReLU, linear without bias; the target
// moves by tau. Without head_norm neither has batch norm.
func (Method) Recipe(h method.Values) method.Recipe {
	norm := method.Affine
	if !h.Bool("head_norm") {
		norm = method.NoNorm
	}
	widths := h.Ints("projector")
	r := method.Recipe{
		Projector: head(norm, widths...),
		Target:    &method.Target{Momentum: h.Float("tau"), Final: h.Float("tau_final"), Schedule: "cosine"},
	}
	if h.Bool("predictor") {
		predictor := head(norm, h.Int("predictor_hidden"), widths[len(widths)-1])
		r.Predictor = &predictor
	}
	return r
}

func head(norm method.Norm, widths ...int) method.Head {
	h := make(method.Head, len(widths))
	for i, w := range widths {
		h[i] = method.Layer{Width: w, Bias: true, Norm: norm, ReLU: true}
	}
	h[len(h)-1] = method.Layer{Width: widths[len(widths)-1]}
	return h
}
