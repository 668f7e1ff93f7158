package model

import (
	"fmt"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// Eval is the graph that makes representations: batch norm uses running statistics, nothing is differentiated. Parameters and
// buffers bear the training graph's names and are a part of them.
type Eval struct {
	Builder *expr.Builder
	Pixels  expr.Tensor // input [batch, size, size, channels]
	Params  []nn.Param
	Buffers []nn.Buffer // inputs too: Buffer.Tensor
	Y, Z    expr.Tensor // representation and embedding, [batch, d]
}

// BuildEval makes the graph of representations for batches of a size of their own. Where the branches have weights of their
// own it is the first view's.
func BuildEval(s Spec, batch int) (*Eval, error) {
	if s.Backbone == nil || s.Method == nil {
		return nil, fmt.Errorf("a model needs a backbone and a traced method")
	}
	b := expr.New()
	store := nn.NewStore(b)
	scope := store.Eval()
	if s.Method.Recipe.Unshared {
		scope = scope.In(viewScope(0))
	}
	m := &Eval{Builder: b, Pixels: b.Input("pixels", batch, s.Size, s.Size, s.Channels)}
	e := branch(s, scope, m.Pixels, nil)
	if b.Err() != nil {
		return nil, fault.New(fault.Usage, "choose another backbone, or larger images", "build the network: %w", b.Err())
	}
	m.Y, m.Z, m.Params, m.Buffers = e.y, e.z, store.Params(), store.Buffers()
	return m, nil
}
