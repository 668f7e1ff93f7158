package backbones

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// MLP is a perceptron on flattened pixels: linear without bias, batch norm and ReLU for each width.
type MLP struct{ Widths []int }

// Forward flattens the images and applies the layers; names are those of an nn.Sequential.
func (m MLP) Forward(s nn.Scope, images expr.Tensor) expr.Tensor {
	layers := make([]nn.Layer, len(m.Widths))
	for i, w := range m.Widths {
		layers[i] = nn.Layer{Width: w, Norm: nn.Affine, ReLU: true}
	}
	return nn.MLP(s, nn.Flatten(images), layers)
}

// Features is the last width.
func (m MLP) Features() int { return m.Widths[len(m.Widths)-1] }

func (m MLP) with(o Options) (MLP, error) {
	if o.Pool != 0 || o.Stem != AutoStem {
		return m, fmt.Errorf("a perceptron has neither a pool nor a stem")
	}
	if len(o.Widths) > 0 {
		m.Widths = o.Widths
	}
	for _, w := range m.Widths {
		if w < 1 {
			return m, fmt.Errorf("widths %v: each must be at least 1", m.Widths)
		}
	}
	return m, nil
}
