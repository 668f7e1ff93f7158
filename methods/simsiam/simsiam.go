// Package simsiam is SimSiam (Chen, He, CVPR 2021): a predictor on one view, a stopped gradient on the other. No negatives,
// no target branch.
//
// It follows the official code, github.com/facebookresearch/simsiam.
package simsiam

import (
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
)

// Method is SimSiam.
type Method struct{}

var _ method.Method = Method{}

// Objective is eq. 2 with the stopped gradient of eq. 4: half of -cos(p, z') and half of -cos(p', z), mean over the batch.
func (Method) Objective(e method.Embeddings, h method.Values) method.Loss {
	p := e.Z
	if h.Bool("predictor") {
		p = e.P
	}
	z := e.Z
	if h.Bool("stop_gradient") {
		z = func(view int) expr.Tensor { return e.Z(view).StopGradient() }
	}
	similarity := p(0).Cosine(z(1)).Mean().Add(p(1).Cosine(z(0)).Mean())
	return method.Sum(method.Term("similarity", 1, similarity.Scale(-0.5)))
}

// Recipe is the official pair of heads. Projector: linear without bias and batch norm, with ReLU but for the last, whose
// batch norm has no scale and shift. Predictor: a bottleneck with batch norm and ReLU inside, bias outside. Without
// head_norm all of their batch norm is gone, as in the last rows of SimSiam's table 3 and VICReg's Table 4.
func (Method) Recipe(h method.Values) method.Recipe {
	inner, last := method.Affine, method.Standardise
	if !h.Bool("head_norm") {
		inner, last = method.NoNorm, method.NoNorm
	}
	widths := h.Ints("projector")
	projector := make(method.Head, len(widths))
	for i, w := range widths {
		projector[i] = method.Layer{Width: w, Norm: inner, ReLU: true}
	}
	out := widths[len(widths)-1]
	projector[len(widths)-1] = method.Layer{Width: out, Norm: last}
	r := method.Recipe{Projector: projector}
	if h.Bool("predictor") {
		r.Predictor = &method.Head{
			{Width: h.Int("predictor_hidden"), Norm: inner, ReLU: true},
			{Width: out, Bias: true},
		}
	}
	return r
}
