package host

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
)

// checkTraced replays a method's objective over the embeddings that it was asked for: its shapes are inferred anew.
func checkTraced(t *method.Traced, s method.Shapes) error {
	layers := t.Recipe.Projector
	if s.Embedding == 0 && len(layers) == 0 {
		return fmt.Errorf("the recipe has no projector")
	}
	width := s.Embedding
	if width == 0 {
		width = layers[len(layers)-1].Width
	}
	b := expr.New()
	inputs := map[string]expr.Tensor{}
	offer(b, inputs, "z", s.Views, s.Batch, width)
	if t.Recipe.Predictor != nil {
		// Given embeddings have a width of their own, which no head of the recipe needs to have.
		if p := *t.Recipe.Predictor; s.Embedding == 0 && (len(p) == 0 || p[len(p)-1].Width != width) {
			return fmt.Errorf("the predictor does not end in the embedding's width of %d", width)
		}
		offer(b, inputs, "p", s.Views, s.Batch, width)
	}
	if t.Recipe.Target != nil {
		offer(b, inputs, "t", s.Views, s.Batch, width)
	}
	if s.Representation > 0 {
		offer(b, inputs, "y", s.Views, s.Batch, s.Representation)
	}
	return replay(t.Program, b, inputs)
}

// checkPenalty does the same for a regulariser.
func checkPenalty(p *expr.Program, s method.Shapes) error {
	b := expr.New()
	inputs := map[string]expr.Tensor{}
	offer(b, inputs, "z", s.Views, s.Batch, s.Embedding)
	return replay(p, b, inputs)
}

func offer(b *expr.Builder, inputs map[string]expr.Tensor, role string, views, rows, columns int) {
	for i := range views {
		name := fmt.Sprint(role, i)
		inputs[name] = b.Input(name, rows, columns)
	}
}

func replay(p *expr.Program, b *expr.Builder, inputs map[string]expr.Tensor) error {
	if b.Err() != nil {
		return b.Err()
	}
	if _, err := p.Build(b, inputs); err != nil {
		return fmt.Errorf("its program is wrong: %w", err)
	}
	return nil
}
