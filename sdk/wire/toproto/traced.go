package toproto

import (
	"github.com/sslctl/sslctl/sdk/method"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// Traced writes a method's answer.
func Traced(t *method.Traced) *methodv1.Traced {
	out := &methodv1.Traced{Recipe: Recipe(t.Recipe), Program: Program(t.Program)}
	for _, name := range t.Terms {
		out.Terms = append(out.Terms, &methodv1.Term{Name: name, Weight: t.Weights[name]})
	}
	return out
}

// Recipe writes the network that a method trains.
func Recipe(r method.Recipe) *methodv1.Recipe {
	out := &methodv1.Recipe{Projector: head(r.Projector), Unshared: r.Unshared}
	if r.Predictor != nil {
		out.Predictor = head(*r.Predictor)
	}
	if r.Target != nil {
		out.Target = &methodv1.Target{Momentum: r.Target.Momentum, Final: r.Target.Final, Schedule: r.Target.Schedule}
	}
	return out
}

func head(h method.Head) *methodv1.Head {
	out := &methodv1.Head{}
	for _, l := range h {
		out.Layers = append(out.Layers, &methodv1.Layer{Width: int64(l.Width), Bias: l.Bias, Norm: norm(l.Norm), Relu: l.ReLU})
	}
	return out
}

func norm(n method.Norm) methodv1.Norm {
	switch n {
	case method.NoNorm:
		return methodv1.Norm_NORM_NONE
	case method.Affine:
		return methodv1.Norm_NORM_AFFINE
	case method.Standardise:
		return methodv1.Norm_NORM_STANDARDISE
	}
	return methodv1.Norm_NORM_UNSPECIFIED // which the reader refuses
}

// Shapes writes what an objective is traced for.
func Shapes(s method.Shapes) *methodv1.TraceShapes {
	return &methodv1.TraceShapes{
		Batch: int64(s.Batch), Views: int64(s.Views),
		Embedding: int64(s.Embedding), Representation: int64(s.Representation),
	}
}
