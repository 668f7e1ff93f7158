package nn_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// golden is testdata/mlp.json (testdata/make_golden.py).
type golden struct {
	Params  map[string][2]json.RawMessage // shape, values
	Views   [][]float32
	Train   [][]float32
	Buffers map[string][]float32
	Eval    []float32
}

var perceptron = []nn.Layer{
	{Width: 4, Bias: true, Norm: nn.Affine, ReLU: true}, {Width: 3, ReLU: true}, {Width: 3, Bias: true, Norm: nn.Standardise},
}

func load(t *testing.T) (g golden, params map[string][]float32) {
	t.Helper()
	text, err := os.ReadFile("testdata/mlp.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	params = map[string][]float32{}
	for name, p := range g.Params {
		var v []float32
		if err := json.Unmarshal(p[1], &v); err != nil {
			t.Fatal(err)
		}
		params["head."+name] = v
	}
	return g, params
}

// TestTraining: two views stacked and normalised by themselves give PyTorch's two passes, names, and running statistics.
func TestTraining(t *testing.T) {
	g, values := load(t)
	b := expr.New()
	store := nn.NewStore(b)
	y := nn.MLP(store.Train(2).In("head"), b.Input("x", 14, 5), perceptron)
	for _, p := range store.Params() {
		var shape []int
		raw, ok := g.Params[strings.TrimPrefix(p.Name, "head.")]
		if !ok || json.Unmarshal(raw[0], &shape) != nil || !slices.Equal([]int(p.Shape), shape) {
			t.Errorf("%s is %v, PyTorch's %v", p.Name, p.Shape, shape)
		}
	}
	if len(store.Params()) != len(g.Params) || len(store.Buffers()) != len(g.Buffers) {
		t.Fatalf("%d parameters and %d buffers, want %d and %d", len(store.Params()), len(store.Buffers()), len(g.Params), len(g.Buffers))
	}
	values["x"] = slices.Concat(g.Views...)
	outputs := []expr.Tensor{y}
	for _, u := range store.Buffers() {
		outputs = append(outputs, u.Stats)
	}
	got := eval(t, values, outputs...)
	near(t, "output", got[0], slices.Concat(g.Train...))
	for i, u := range store.Buffers() {
		running := make([]float32, u.Shape.TotalSize())
		u.Init.Draw(running, 0, u.Name)
		u.Update(running, got[i+1])
		near(t, u.Name, running, g.Buffers[strings.TrimPrefix(u.Name, "head.")])
		u.Init.Draw(running, 0, u.Name)
		values[u.Name] = running
		running = eval(t, values, u.Next(b.Input(u.Name, u.Shape...)))[0]
		near(t, u.Name+" as an expression", running, g.Buffers[strings.TrimPrefix(u.Name, "head.")])
	}
}

// TestEvaluation: running statistics, given as inputs, normalise as PyTorch's eval mode.
func TestEvaluation(t *testing.T) {
	g, values := load(t)
	b := expr.New()
	store := nn.NewStore(b)
	y := nn.MLP(store.Eval().In("head"), b.Input("x", 7, 5), perceptron)
	values["x"] = g.Views[0]
	for _, u := range store.Buffers() {
		if u.Tensor.Node() == nil || u.Tensor.Node().Name() != u.Name {
			t.Errorf("buffer %s is no input of its name", u.Name)
		}
		values[u.Name] = g.Buffers[strings.TrimPrefix(u.Name, "head.")]
	}
	near(t, "output", eval(t, values, y)[0], g.Eval)
}

// TestSharing: a name asked for twice is one parameter; another shape, or a second batch norm of a scope, is an error.
func TestSharing(t *testing.T) {
	b := expr.New()
	store := nn.NewStore(b)
	s := store.Train(1).In("a")
	x := b.Input("x", 4, 3)
	nn.Linear(s, x, 2, true)
	nn.Linear(s, x.Square(), 2, true)
	if n := len(store.Params()); n != 2 || b.Err() != nil {
		t.Errorf("%d parameters, want weight and bias once (%v)", n, b.Err())
	}
	nn.Linear(s, x, 5, true)
	if b.Err() == nil || !strings.Contains(b.Err().Error(), `"a.weight" has the shape (2, 3)`) {
		t.Errorf("another shape: %v", b.Err())
	}
	b = expr.New()
	s = nn.NewStore(b).Train(1).In("bn")
	x = b.Input("x", 4, 3)
	nn.BatchNorm(s, nn.BatchNorm(s, x, false), false)
	if b.Err() == nil || !strings.Contains(b.Err().Error(), "applied twice") {
		t.Errorf("batch norm applied twice: %v", b.Err())
	}
}

// TestFrozen: a frozen scope's parameters are marked, their names unchanged.
func TestFrozen(t *testing.T) {
	b := expr.New()
	store := nn.NewStore(b)
	x := b.Input("x", 4, 3)
	nn.MLP(store.Train(1).In("online"), x, perceptron)
	nn.MLP(store.Train(1).In("target").Frozen(), x, perceptron)
	for _, p := range store.Params() {
		if p.Frozen != strings.HasPrefix(p.Name, "target.") {
			t.Errorf("%s: frozen %t", p.Name, p.Frozen)
		}
	}
}

// TestPositions: a linear layer knows whether it reads flattened images, whose columns PyTorch orders otherwise.
func TestPositions(t *testing.T) {
	b := expr.New()
	store := nn.NewStore(b)
	s := store.Train(1)
	images := b.Input("images", 2, 3, 4, 5)
	nn.Linear(s.In("flat"), nn.Flatten(images), 2, false)
	nn.Linear(s.In("pooled"), nn.Flatten(images.AvgPool(1, 1)), 2, false)
	nn.Linear(s.In("rows"), b.Input("rows", 2, 60), 2, false)
	nn.Linear(s.In("reshaped"), images.Reshape(6, 20), 2, false)
	want := map[string]int{"flat.weight": 12, "pooled.weight": 1, "rows.weight": 1, "reshaped.weight": 1}
	for _, p := range store.Params() {
		if p.Positions != want[p.Name] {
			t.Errorf("%s: %d positions, want %d", p.Name, p.Positions, want[p.Name])
		}
	}
}

// TestInit: distributions have the moments of PyTorch's defaults.
func TestInit(t *testing.T) {
	b := expr.New()
	store := nn.NewStore(b)
	s := store.Train(1)
	x := b.Input("images", 2, 9, 9, 16)
	nn.Conv2D(s.In("conv"), x, 64, 3, 1, 1)
	nn.Linear(s.In("linear"), nn.Flatten(x), 64, true)
	nn.BatchNorm(s.In("bn"), x, true)
	nn.ZeroBatchNorm(s.In("zero"), x)
	fanIn := 9.0 * 9 * 16
	want := map[string]struct{ mean, std, bound float64 }{
		"conv.weight":   {0, math.Sqrt(2.0 / (9 * 64)), math.Inf(1)},
		"linear.weight": {0, 1 / math.Sqrt(3*fanIn), 1 / math.Sqrt(fanIn)},
		"linear.bias":   {0, 1 / math.Sqrt(3*fanIn), 1 / math.Sqrt(fanIn)},
		"bn.weight":     {1, 0, 1}, "bn.bias": {}, "zero.weight": {}, "zero.bias": {},
	}
	for _, p := range store.Params() {
		w := want[p.Name]
		v := make([]float32, p.Shape.TotalSize())
		p.Init.Draw(v, 3, p.Name)
		var mean, squares, largest float64
		for _, x := range v {
			mean += float64(x) / float64(len(v))
			largest = max(largest, math.Abs(float64(x)))
		}
		for _, x := range v {
			squares += math.Pow(float64(x)-mean, 2) / float64(len(v))
		}
		slack := 5 * w.std / math.Sqrt(float64(len(v)))
		if math.Abs(mean-w.mean) > slack || math.Abs(math.Sqrt(squares)-w.std) > slack || largest > w.bound {
			t.Errorf("%s: mean %g, deviation %g, largest %g; want %+v", p.Name, mean, math.Sqrt(squares), largest, w)
		}
	}
}

// TestDrawDependsOnSeedAndName and on nothing else.
func TestDrawDependsOnSeedAndName(t *testing.T) {
	draw := func(seed uint64, name string) []float32 {
		v := make([]float32, 5)
		nn.Init{Dist: nn.Normal, Scale: 1}.Draw(v, seed, name)
		return v
	}
	first := draw(1, "a")
	draw(9, "z")
	if !slices.Equal(draw(1, "a"), first) {
		t.Error("the same seed and name give other values")
	}
	if slices.Equal(draw(2, "a"), first) || slices.Equal(draw(1, "b"), first) {
		t.Error("another seed or name gives the same values")
	}
}

func eval(t *testing.T, values map[string][]float32, outputs ...expr.Tensor) [][]float32 {
	t.Helper()
	got, err := exprtest.Eval(values, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d elements, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > 1e-5*(1+math.Abs(float64(want[i]))) {
			t.Errorf("%s, element %d: %g, want %g", what, i, got[i], want[i])
		}
	}
}
