package fromproto

import (
	"fmt"
	"slices"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// The limits of a recipe that the host accepts.
const (
	MaxLayers = 64
	MaxWidth  = 1 << 20
	MaxTerms  = 100
)

// Traced reads a method's answer. The program gives the scalars "loss" and, for each term, "term.NAME".
func Traced(m *methodv1.Traced) (*method.Traced, error) {
	recipe, err := Recipe(m.GetRecipe())
	if err != nil {
		return nil, fmt.Errorf("recipe: %w", err)
	}
	p, err := Program(m.GetProgram())
	if err != nil {
		return nil, err
	}
	t := &method.Traced{Recipe: recipe, Program: p, Weights: map[string]float64{}}
	if n := len(m.GetTerms()); n == 0 || n > MaxTerms {
		return nil, fmt.Errorf("an objective of %d terms; at least 1 and at most %d", n, MaxTerms)
	}
	if err := scalar(p, "loss"); err != nil {
		return nil, err
	}
	for _, term := range m.GetTerms() {
		name := term.GetName()
		if _, twice := t.Weights[name]; twice || name == "" {
			return nil, fmt.Errorf("term name %q is empty or stands twice", name)
		}
		if !finite(term.GetWeight()) {
			return nil, fmt.Errorf("term %q has the weight %g", name, term.GetWeight())
		}
		if err := scalar(p, "term."+name); err != nil {
			return nil, err
		}
		t.Weights[name] = term.GetWeight()
		t.Terms = append(t.Terms, name)
	}
	return t, nil
}

// Penalty reads a regulariser's answer, whose program gives the scalar "penalty".
func Penalty(m *methodv1.Program) (*expr.Program, error) {
	p, err := Program(m)
	if err != nil {
		return nil, err
	}
	return p, scalar(p, "penalty")
}

// scalar checks that a validated program has an output without axes.
func scalar(p *expr.Program, name string) error {
	i := slices.IndexFunc(p.Outputs, func(o expr.Output) bool { return o.Name == name })
	if i < 0 {
		return fmt.Errorf("the program has no output %q", name)
	}
	at := p.Outputs[i].Value
	var s expr.Shape
	if at < len(p.Inputs) {
		s = p.Inputs[at].Shape
	} else {
		s = p.Steps[at-len(p.Inputs)].Shape
	}
	if len(s) != 0 {
		return fmt.Errorf("output %q has the shape %v; it must be a scalar", name, s)
	}
	return nil
}

// Recipe reads the network that a method trains.
func Recipe(m *methodv1.Recipe) (r method.Recipe, err error) {
	if m == nil {
		return r, fmt.Errorf("it is missing")
	}
	r.Unshared = m.GetUnshared()
	if r.Projector, err = head(m.GetProjector()); err != nil {
		return r, fmt.Errorf("projector: %w", err)
	}
	if m.GetPredictor() != nil {
		predictor, err := head(m.GetPredictor())
		if err != nil {
			return r, fmt.Errorf("predictor: %w", err)
		}
		r.Predictor = &predictor
	}
	if m.GetTarget() != nil {
		if r.Target, err = target(m.GetTarget()); err != nil {
			return r, fmt.Errorf("target: %w", err)
		}
	}
	return r, nil
}

func head(m *methodv1.Head) (method.Head, error) {
	if n := len(m.GetLayers()); n > MaxLayers {
		return nil, fmt.Errorf("%d layers; at most %d", n, MaxLayers)
	}
	var out method.Head
	for i, l := range m.GetLayers() {
		if w := l.GetWidth(); w < 1 || w > MaxWidth {
			return nil, fmt.Errorf("layer %d has the width %d; at least 1 and at most %d", i, w, MaxWidth)
		}
		norm, err := norm(l.GetNorm())
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		out = append(out, method.Layer{Width: int(l.GetWidth()), Bias: l.GetBias(), Norm: norm, ReLU: l.GetRelu()})
	}
	return out, nil
}

func norm(n methodv1.Norm) (method.Norm, error) {
	switch n {
	case methodv1.Norm_NORM_NONE:
		return method.NoNorm, nil
	case methodv1.Norm_NORM_AFFINE:
		return method.Affine, nil
	case methodv1.Norm_NORM_STANDARDISE:
		return method.Standardise, nil
	}
	return 0, fmt.Errorf("unknown norm %v", n)
}

func target(m *methodv1.Target) (*method.Target, error) {
	for _, v := range []float64{m.GetMomentum(), m.GetFinal()} {
		if !(v >= 0 && v <= 1) {
			return nil, fmt.Errorf("momentum %g is not between 0 and 1", v)
		}
	}
	if s := m.GetSchedule(); s != "cosine" && s != "constant" {
		return nil, fmt.Errorf("schedule %q is neither cosine nor constant", s)
	}
	return &method.Target{Momentum: m.GetMomentum(), Final: m.GetFinal(), Schedule: m.GetSchedule()}, nil
}

// The limits of what an objective is traced for.
const (
	MaxBatch = 1 << 20
	MaxViews = 64
)

// Shapes reads what an objective is traced for.
func Shapes(m *methodv1.TraceShapes) (method.Shapes, error) {
	for _, bound := range []struct {
		name          string
		v, low, limit int64
	}{
		{"batch", m.GetBatch(), 1, MaxBatch},
		{"views", m.GetViews(), 1, MaxViews},
		{"embedding", m.GetEmbedding(), 0, MaxWidth},
		{"representation", m.GetRepresentation(), 0, MaxWidth},
	} {
		if bound.v < bound.low || bound.v > bound.limit {
			return method.Shapes{}, fmt.Errorf("%s is %d; at least %d and at most %d", bound.name, bound.v, bound.low, bound.limit)
		}
	}
	return method.Shapes{
		Batch: int(m.GetBatch()), Views: int(m.GetViews()),
		Embedding: int(m.GetEmbedding()), Representation: int(m.GetRepresentation()),
	}, nil
}
