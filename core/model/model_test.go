package model_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/safetensors"
	"github.com/sslctl/sslctl/methods/barlowtwins"
	"github.com/sslctl/sslctl/methods/byol"
	"github.com/sslctl/sslctl/methods/reg"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
)

// smallSpec is a method on a perceptron and images of 3 pixels.
func smallSpec(t *testing.T, m method.Method, given map[string]any) model.Spec {
	t.Helper()
	backbone, err := backbones.New("mlp", backbones.Options{Widths: []int{6}})
	if err != nil {
		t.Fatal(err)
	}
	h := map[string]any{"projector": []int{5, 4}}
	for k, v := range given {
		h[k] = v
	}
	traced, err := method.Trace(m, h, method.Shapes{Batch: 8, Views: 2})
	if err != nil {
		t.Fatal(err)
	}
	return model.Spec{Backbone: backbone, Method: traced, Batch: 8, Views: 2, Channels: 1, Size: 3}
}

func build(t *testing.T, s model.Spec) *model.Model {
	t.Helper()
	m, err := model.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// pixels are images that depend on the view and the image.
func pixels(m *model.Model) []float32 {
	x := make([]float32, m.Pixels.Shape().TotalSize())
	nn.Init{Dist: nn.Normal, Scale: 1}.Draw(x, 5, "pixels")
	return x
}

func inputs(m *model.Model, seed uint64) map[string][]float32 {
	values := m.Init(seed)
	values["pixels"] = pixels(m)
	return values
}

func evaluate(t *testing.T, values map[string][]float32, outputs ...expr.Tensor) [][]float32 {
	t.Helper()
	got, err := exprtest.Eval(values, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestNames: which parameters, buffers and pairs each kind of recipe makes.
func TestNames(t *testing.T) {
	branch := func(prefix string) []string {
		return []string{prefix + "backbone.0.weight", prefix + "backbone.1.weight", prefix + "backbone.1.bias",
			prefix + "projector.0.weight", prefix + "projector.0.bias", prefix + "projector.1.weight", prefix + "projector.1.bias", prefix + "projector.3.weight"}
	}
	predictor := []string{"predictor.0.weight", "predictor.0.bias", "predictor.1.weight", "predictor.1.bias", "predictor.3.weight"}
	tests := []struct {
		name   string
		method method.Method
		given  map[string]any
		want   []string
	}{
		{"shared", vicreg.Method{}, nil, branch("")},
		{"predictor", vicreg.Method{}, map[string]any{"predictor": true}, slices.Concat(branch(""), predictor)},
		{"unshared", vicreg.Method{}, map[string]any{"unshared": true}, slices.Concat(branch("view0."), branch("view1."))},
		{"target", byol.Method{}, nil, slices.Concat(branch(""), predictor, branch("target."))},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			m := build(t, smallSpec(t, tc.method, tc.given))
			var names []string
			inputs := map[string]bool{"pixels": true}
			for _, p := range m.Params {
				names = append(names, p.Name)
				inputs[p.Name] = true
				if p.Frozen != strings.HasPrefix(p.Name, "target.") || p.Frozen != (p.Grad.Node() == nil) {
					t.Errorf("%s: frozen %t, gradient %v", p.Name, p.Frozen, p.Grad.Node())
				}
				if !p.Frozen && !slices.Equal(p.Grad.Shape(), p.Shape) {
					t.Errorf("%s is %v, its gradient %v", p.Name, p.Shape, p.Grad.Shape())
				}
			}
			if !slices.Equal(names, tc.want) {
				t.Errorf("parameters %v\nwant %v", names, tc.want)
			}
			for _, in := range m.Builder.Inputs() {
				if !inputs[in.Node().Name()] {
					t.Errorf("the graph has the further input %s", in.Node().Name())
				}
			}
			for _, pair := range m.Pairs {
				if pair.Target != "target."+pair.Online || !inputs[pair.Online] {
					t.Errorf("pair %+v", pair)
				}
			}
			if want := strings.Count(strings.Join(names, " "), "target."); len(m.Pairs) != want {
				t.Errorf("%d pairs, want %d", len(m.Pairs), want)
			}
		})
	}
}

// TestTapeMachine: Gorgonia's machine computes a whole step to the reference's bits.
func TestTapeMachine(t *testing.T) {
	const path = "testdata/step-byol+var+cov-lars.safetensors"
	tensors, meta, err := safetensors.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	m := build(t, goldenSpec(t, meta))
	values := goldenInputs(t, m, tensors)
	outputs := []expr.Tensor{m.Loss}
	for _, p := range m.Params {
		if !p.Frozen {
			outputs = append(outputs, p.Grad)
		}
	}
	want := evaluate(t, values, outputs...)
	got, err := exprtest.Tape(values, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("output %d differs", i)
		}
	}
}

// TestViewsAreApart: one pass over stacked views gives each view what a pass of its own would.
func TestViewsAreApart(t *testing.T) {
	s := smallSpec(t, vicreg.Method{}, nil)
	m := build(t, s)
	values := inputs(m, 1)
	z := evaluate(t, values, m.Z...)
	half := len(values["pixels"]) / 2
	values["pixels"] = slices.Concat(values["pixels"][half:], values["pixels"][:half])
	swapped := evaluate(t, values, m.Z...)
	if !slices.Equal(z[0], swapped[1]) || !slices.Equal(z[1], swapped[0]) || slices.Equal(z[0], z[1]) {
		t.Error("a view's embedding depends on the other view")
	}
}

// TestTargetStartsAsCopy: with equal weights the target's embedding is the online branch's, to the bit.
func TestTargetStartsAsCopy(t *testing.T) {
	m := build(t, smallSpec(t, byol.Method{}, nil))
	values := inputs(m, 1)
	for _, pair := range m.Pairs {
		if !slices.Equal(values[pair.Target], values[pair.Online]) {
			t.Errorf("%s does not start as %s", pair.Target, pair.Online)
		}
	}
	got := evaluate(t, values, m.T[0], m.T[1], m.Z[0], m.Z[1])
	if !slices.Equal(got[0], got[2]) || !slices.Equal(got[1], got[3]) {
		t.Error("the target's embedding differs from the online branch's")
	}
}

// TestRegularisers: terms, their names and weights, and their sum with the objective.
func TestRegularisers(t *testing.T) {
	shapes := method.Shapes{Batch: 8, Views: 2, Embedding: 4}
	tests := []struct {
		name  string
		terms []string
		regs  []model.Regulariser
	}{
		{"on z", []string{"on_diagonal", "off_diagonal", "variance", "cov"},
			[]model.Regulariser{regulariser(t, reg.Var{}, "variance", 2, shapes), regulariser(t, reg.Cov{}, "", 0.5, shapes)}},
		{"collision", []string{"on_diagonal", "off_diagonal", "reg.on_diagonal"},
			[]model.Regulariser{regulariser(t, reg.Var{}, "on_diagonal", 3, shapes)}},
		{"on unit y", []string{"on_diagonal", "off_diagonal", "variance"}, func() []model.Regulariser {
			r := regulariser(t, reg.Var{}, "variance", 1, method.Shapes{Batch: 8, Views: 2, Embedding: 6})
			r.On, r.Unit = "y", true
			return []model.Regulariser{r}
		}()},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := smallSpec(t, barlowtwins.Method{}, nil)
			s.Regularisers = tc.regs
			m := build(t, s)
			outputs := []expr.Tensor{m.Loss}
			var names []string
			for _, term := range m.Terms {
				names, outputs = append(names, term.Name), append(outputs, term.Value)
			}
			if !slices.Equal(names, tc.terms) {
				t.Errorf("terms %v, want %v", names, tc.terms)
			}
			got := evaluate(t, inputs(m, 2), outputs...)
			var sum float64
			for i, term := range m.Terms {
				sum += term.Weight * float64(got[i+1][0])
			}
			if d := sum - float64(got[0][0]); d > 1e-5*sum || d < -1e-5*sum {
				t.Errorf("loss %g, weighted terms sum to %g", got[0][0], sum)
			}
		})
	}
}

// TestUnit: rows are normalised before the penalty, so their scale does not count.
func TestUnit(t *testing.T) {
	penalty := func(unit bool, scale float32) float32 {
		s := smallSpec(t, vicreg.Method{}, nil)
		r := regulariser(t, reg.Cov{}, "penalty", 1, method.Shapes{Batch: 8, Views: 2, Embedding: 4})
		r.Unit = unit
		s.Regularisers = []model.Regulariser{r}
		m := build(t, s)
		values := inputs(m, 1)
		for i := range values["projector.3.weight"] {
			values["projector.3.weight"][i] *= scale
		}
		return evaluate(t, values, m.Terms[3].Value)[0][0]
	}
	if a, b := penalty(true, 1), penalty(true, 4); a == 0 || a/b < 0.9999 || a/b > 1.0001 {
		t.Errorf("on unit rows the scale counts: %g and %g", a, b)
	}
	if a, b := penalty(false, 1), penalty(false, 4); b/a < 250 || b/a > 262 {
		t.Errorf("a scale of 4 must raise the covariance 256-fold: %g and %g", a, b)
	}
}

// TestErrors: what cannot be built says so, with the right exit code.
func TestErrors(t *testing.T) {
	shapes := method.Shapes{Batch: 8, Views: 2, Embedding: 4}
	tests := []struct {
		name string
		bend func(s *model.Spec)
		code fault.Code
		want string
	}{
		{"batch of one", func(s *model.Spec) { s.Batch = 1 }, fault.Usage, "at least 2 images"},
		{"no view", func(s *model.Spec) { s.Views = 0 }, fault.Usage, "at least 1"},
		{"another batch than traced", func(s *model.Spec) { s.Batch = 9 }, fault.Plugin, `takes "z0" as (8, 4), it is (9, 4)`},
		{"another width than traced", func(s *model.Spec) { s.Method.Recipe.Projector[1].Width = 3 }, fault.Plugin, "it is (8, 3)"},
		{"predictor that nothing reads", func(s *model.Spec) { s.Method.Recipe.Predictor = &method.Head{{Width: 4}} }, fault.Plugin, "predictor.0.weight has no influence"},
		{"term that is not there", func(s *model.Spec) { s.Method.Terms = append(s.Method.Terms, "magic") }, fault.Plugin, "term.magic"},
		{"own weights and a target", func(s *model.Spec) {
			s.Method.Recipe.Unshared, s.Method.Recipe.Target = true, &method.Target{}
		}, fault.Usage, "target branch"},
		{"regulariser on predictions", func(s *model.Spec) {
			r := regulariser(t, reg.Var{}, "", 1, shapes)
			r.On = "p"
			s.Regularisers = []model.Regulariser{r}
		}, fault.Usage, "no predictor"},
		{"regulariser on nothing", func(s *model.Spec) {
			r := regulariser(t, reg.Var{}, "", 1, shapes)
			r.On = "w"
			s.Regularisers = []model.Regulariser{r}
		}, fault.Usage, `on "w"`},
		{"regulariser twice", func(s *model.Spec) {
			r := regulariser(t, reg.Var{}, "spread", 1, shapes)
			s.Regularisers = []model.Regulariser{r, r, r}
		}, fault.Usage, `"reg.spread"`},
		{"images too small", func(s *model.Spec) {
			s.Backbone = backbones.ResNet{Stem: backbones.CIFARStem, Widths: []int{4}, Blocks: []int{1}, Strides: []int{1}, Pool: 5}
		}, fault.Usage, "cannot average"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := smallSpec(t, vicreg.Method{}, nil)
			tc.bend(&s)
			_, err := model.Build(s)
			if err == nil || fault.CodeOf(err) != tc.code || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v with code %d, want %q with code %d", err, fault.CodeOf(err), tc.want, tc.code)
			}
		})
	}
}

// TestEval: the evaluation graph reads what the training graph trains. Where running statistics are those of one view's
// batch (biased as the batch's), its embeddings are that view's.
func TestEval(t *testing.T) {
	for _, given := range []map[string]any{nil, {"unshared": true}} {
		t.Run(fmt.Sprint(given), func(t *testing.T) {
			s := smallSpec(t, vicreg.Method{}, given)
			m := build(t, s)
			values := inputs(m, 1)
			var stats []expr.Tensor
			for _, u := range m.Buffers {
				stats = append(stats, u.Stats)
			}
			seen := evaluate(t, values, append(stats, m.Y[0], m.Z[0])...)
			for i, u := range m.Buffers {
				c := u.Shape[0]
				values[u.Name] = seen[i][u.Row*c : (u.Row+1)*c] // the first group's
			}
			e, err := model.BuildEval(s, s.Batch)
			if err != nil {
				t.Fatal(err)
			}
			values["pixels"] = values["pixels"][:e.Pixels.Shape().TotalSize()]
			got := evaluate(t, values, e.Y, e.Z)
			for i, want := range seen[len(stats):] {
				if d := norm(difference(got[i], want)) / norm(want); d > 1e-6 {
					t.Errorf("output %d is off by %.1e", i, d)
				}
			}
			if len(e.Params) == 0 || len(e.Buffers) == 0 || !slices.Equal(e.Y.Shape(), expr.Shape{8, 6}) {
				t.Errorf("%d parameters, %d buffers, y %v", len(e.Params), len(e.Buffers), e.Y.Shape())
			}
		})
	}
}

// TestInit: values depend on the seed, not on the model around a parameter.
func TestInit(t *testing.T) {
	one := build(t, smallSpec(t, vicreg.Method{}, nil)).Init(7)
	other := build(t, smallSpec(t, byol.Method{}, nil)).Init(7)
	for _, name := range []string{"backbone.0.weight", "projector.0.weight"} {
		if !slices.Equal(one[name], other[name]) {
			t.Errorf("%s depends on the method", name)
		}
	}
	if slices.Equal(one["backbone.0.weight"], build(t, smallSpec(t, vicreg.Method{}, nil)).Init(8)["backbone.0.weight"]) {
		t.Error("the seed does not count")
	}
	if one["backbone.1.running_var"][0] != 1 || one["backbone.1.running_mean"][0] != 0 {
		t.Errorf("running statistics start at %v and %v", one["backbone.1.running_mean"], one["backbone.1.running_var"])
	}
}
