package vicreg

import "github.com/sslctl/sslctl/sdk/method"

// Recipe is the official expander: linear layers with bias, batch norm and ReLU, the last one linear without bias.
// The predictor, where there is one, is an expander of two layers (Table 4's note); without head_norm it has no batch norm
// either.
func (Method) Recipe(h method.Values) method.Recipe {
	norm := method.Affine
	if !h.Bool("head_norm") {
		norm = method.NoNorm
	}
	widths := h.Ints("projector")
	r := method.Recipe{Projector: expander(norm, widths...), Unshared: h.Bool("unshared")}
	if h.Bool("predictor") {
		d := widths[len(widths)-1]
		predictor := expander(norm, d, d)
		r.Predictor = &predictor
	}
	return r
}

func expander(norm method.Norm, widths ...int) method.Head {
	head := make(method.Head, len(widths))
	for i, w := range widths {
		head[i] = method.Layer{Width: w, Bias: true, Norm: norm, ReLU: true}
	}
	head[len(head)-1] = method.Layer{Width: widths[len(widths)-1]}
	return head
}
