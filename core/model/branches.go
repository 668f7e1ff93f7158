package model

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
)

// The scopes of parameter names.
const (
	backboneScope  = "backbone"
	projectorScope = "projector"
	predictorScope = "predictor"
	targetScope    = "target"
	targetPrefix   = targetScope + "."
)

// viewScope is the scope of a view's own branch in a recipe without shared weights.
func viewScope(view int) string { return fmt.Sprintf("view%d", view) }

// embed passes the pixels through the branches.
func (m *Model) embed(s Spec, store *nn.Store) {
	r := s.Method.Recipe
	if r.Unshared {
		for view := range s.Views {
			own := m.Pixels.Slice(0, view*s.Batch, (view+1)*s.Batch)
			e := branch(s, store.Train(1).In(viewScope(view)), own, r.Predictor)
			m.collect(e, 1, s.Batch)
		}
		return
	}
	root := store.Train(s.Views)
	m.collect(branch(s, root, m.Pixels, r.Predictor), s.Views, s.Batch)
	if r.Target != nil {
		e := branch(s, root.In(targetScope).Frozen(), m.Pixels, nil)
		m.T = split(e.z.StopGradient(), s.Views, s.Batch)
	}
}

// embeddings are what a branch makes of stacked views.
type embeddings struct {
	y, z, p expr.Tensor
	predict bool
}

// branch is backbone, projector and, where there is one, predictor.
func branch(s Spec, scope nn.Scope, pixels expr.Tensor, predictor *method.Head) embeddings {
	var e embeddings
	e.y = s.Backbone.Forward(scope.In(backboneScope), pixels)
	e.z = nn.MLP(scope.In(projectorScope), e.y, layers(s.Method.Recipe.Projector))
	if predictor != nil {
		e.p, e.predict = nn.MLP(scope.In(predictorScope), e.z, layers(*predictor)), true
	}
	return e
}

// collect appends the views of one pass.
func (m *Model) collect(e embeddings, views, batch int) {
	m.Y = append(m.Y, split(e.y, views, batch)...)
	m.Z = append(m.Z, split(e.z, views, batch)...)
	if e.predict {
		m.P = append(m.P, split(e.p, views, batch)...)
	}
}

// split gives each view its rows.
func split(stacked expr.Tensor, views, batch int) []expr.Tensor {
	if views == 1 {
		return []expr.Tensor{stacked}
	}
	out := make([]expr.Tensor, views)
	for i := range out {
		out[i] = stacked.Slice(0, i*batch, (i+1)*batch)
	}
	return out
}

func layers(h method.Head) []nn.Layer {
	out := make([]nn.Layer, len(h))
	for i, l := range h {
		out[i] = nn.Layer{Width: l.Width, Bias: l.Bias, Norm: norm(l.Norm), ReLU: l.ReLU}
	}
	return out
}

func norm(n method.Norm) nn.Norm {
	switch n {
	case method.Affine:
		return nn.Affine
	case method.Standardise:
		return nn.Standardise
	}
	return nn.NoNorm
}
