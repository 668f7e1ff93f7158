package method_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
)

// author is a method whose parts a test chooses.
type author struct {
	params    []method.Param
	recipe    method.Recipe
	objective func(e method.Embeddings, h method.Values) method.Loss
}

func (a author) Describe() method.Description                               { return method.Description{Params: a.params} }
func (a author) Recipe(method.Values) method.Recipe                         { return a.recipe }
func (a author) Objective(e method.Embeddings, h method.Values) method.Loss { return a.objective(e, h) }

func (a author) Penalty(z []expr.Tensor, _ bool, _ method.Values) expr.Tensor {
	return z[0].Sub(z[1]).Square()
}

func mse(e method.Embeddings, _ method.Values) method.Loss {
	return method.Sum(method.Term("distance", 2, e.Z(0).MSE(e.Z(1))), method.Term("size", 0.5, e.Z(0).Square().Mean()))
}

var projector = method.Recipe{Projector: method.Head{{Width: 16}, {Width: 4}}}

func TestTrace(t *testing.T) {
	traced, err := method.Trace(author{nil, projector, mse}, nil, method.Shapes{Batch: 3, Views: 2})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(traced.Terms, []string{"distance", "size"}) || traced.Weights["distance"] != 2 || traced.Weights["size"] != 0.5 {
		t.Errorf("terms %v with weights %v", traced.Terms, traced.Weights)
	}
	var inputs, outputs []string
	for _, p := range traced.Program.Inputs {
		inputs = append(inputs, fmt.Sprint(p.Name, p.Shape))
	}
	for _, o := range traced.Program.Outputs {
		outputs = append(outputs, o.Name)
	}
	if strings.Join(inputs, " ") != "z0(3, 4) z1(3, 4)" || strings.Join(outputs, " ") != "loss term.distance term.size" {
		t.Errorf("inputs %v, outputs %v", inputs, outputs)
	}
}

// TestEmbeddingsFollowTheRecipe: p, t and y are there where recipe and shapes offer them, with the widths asked for.
func TestEmbeddingsFollowTheRecipe(t *testing.T) {
	recipe := projector
	recipe.Predictor, recipe.Target = &method.Head{{Width: 4}}, &method.Target{}
	var seen []string
	a := author{nil, recipe, func(e method.Embeddings, h method.Values) method.Loss {
		for _, x := range []expr.Tensor{e.Z(0), e.P(1), e.T(2), e.Y(1)} {
			seen = append(seen, fmt.Sprint(x.Node().Name(), x.Shape()))
		}
		if e.Views() != 3 {
			t.Errorf("%d views", e.Views())
		}
		return mse(e, h)
	}}
	if _, err := method.Trace(a, nil, method.Shapes{Batch: 2, Views: 3, Embedding: 7, Representation: 9}); err != nil {
		t.Fatal(err)
	}
	if want := "z0(2, 7) p1(2, 7) t2(2, 7) y1(2, 9)"; strings.Join(seen, " ") != want {
		t.Errorf("embeddings %v, want %s", seen, want)
	}
}

func TestTraceErrors(t *testing.T) {
	shapes := method.Shapes{Batch: 3, Views: 2}
	tests := []struct {
		name  string
		a     author
		given map[string]any
		want  string
	}{
		{"unknown hyper-parameter", author{nil, projector, mse}, map[string]any{"nu": 1}, `"nu"`},
		{"no projector", author{nil, method.Recipe{}, mse}, nil, "no projector"},
		{"no prediction", author{nil, projector, func(e method.Embeddings, _ method.Values) method.Loss {
			return method.Sum(method.Term("d", 1, e.P(0).Mean()))
		}}, nil, "trace_test.go"},
		{"no such view", author{nil, projector, func(e method.Embeddings, _ method.Values) method.Loss {
			return method.Sum(method.Term("d", 1, e.Z(2).Mean()))
		}}, nil, "there is no z of view 2"},
		{"contradiction", author{nil, projector, func(e method.Embeddings, _ method.Values) method.Loss {
			return method.Sum(method.Term("d", 1, e.Z(0).MatMul(e.Z(1)).Mean()))
		}}, nil, "inner axes differ"},
		{"no term", author{nil, projector, func(method.Embeddings, method.Values) method.Loss { return method.Sum() }}, nil, "without a term"},
		{"vector", author{nil, projector, func(e method.Embeddings, _ method.Values) method.Loss {
			return method.Sum(method.Term("d", 1, e.Z(0).Mean(0)))
		}}, nil, "must be a scalar"},
		{"term twice", author{nil, projector, func(e method.Embeddings, _ method.Values) method.Loss {
			return method.Sum(method.Term("d", 1, e.Z(0).Mean()), method.Term("d", 1, e.Z(1).Mean()))
		}}, nil, "stands twice"},
		{"panic", author{nil, projector, func(_ method.Embeddings, h method.Values) method.Loss {
			h.Float("lambda")
			return method.Loss{}
		}}, nil, `"lambda" is <nil>, read as float64`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := method.Trace(tc.a, tc.given, shapes); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
	if _, err := method.TraceRegulariser(author{}, nil, method.Shapes{Batch: 3, Views: 2, Embedding: 4}, false); err == nil || !strings.Contains(err.Error(), "must be a scalar") {
		t.Errorf("a penalty that is a matrix: %v", err)
	}
}

func TestComplete(t *testing.T) {
	params := []method.Param{
		method.Float("lambda", 25, "").AtLeast(0).AtMost(100), method.Int("width", 8, "").AtLeast(1), method.Bool("norm", true, ""),
		method.Choice("std", "", "official", "paper"), method.Ints("projector", []int{512, 512}, ""),
	}
	defaults, err := method.Complete(params, nil)
	if err != nil || defaults.Float("lambda") != 25 || defaults.Int("width") != 8 || !defaults.Bool("norm") ||
		defaults.String("std") != "official" || !slices.Equal(defaults.Ints("projector"), []int{512, 512}) {
		t.Errorf("defaults %v (%v)", defaults, err)
	}
	converted, err := method.Complete(params, map[string]any{"lambda": 3, "width": 4.0, "norm": false, "std": "paper", "projector": "64-32-16"})
	if err != nil || converted.Float("lambda") != 3 || converted.Int("width") != 4 || converted.Bool("norm") ||
		converted.String("std") != "paper" || !slices.Equal(converted.Ints("projector"), []int{64, 32, 16}) {
		t.Errorf("converted %v (%v)", converted, err)
	}
	for _, list := range []any{[]int{7, 5}, []any{7, 5.0}} {
		if h, err := method.Complete(params, map[string]any{"projector": list}); err != nil || !slices.Equal(h.Ints("projector"), []int{7, 5}) {
			t.Errorf("list %v (%v)", h, err)
		}
	}
	for name, bad := range map[string][]any{
		"lambda": {-1.0, 101, "much", true}, "width": {0, 1.5, "8"}, "norm": {1, "true"}, "std": {"biased", 1},
		"projector": {"", "64-", "64-0", "a-b", "064", []int{}, 1.5, []any{"x"}}, "unknown": {1},
	} {
		for _, v := range bad {
			_, err := method.Complete(params, map[string]any{name: v})
			var p *method.ParamError
			if !errors.As(err, &p) || p.Param != name {
				t.Errorf("%s = %v: error %v", name, v, err)
			}
		}
	}
}
