package objective_test

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/objective"
	"github.com/sslctl/sslctl/core/safetensors"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
)

// byHand is 3 mean (p0 - t1)^2 + 2 mean (y0)^2, with a predictor and a target branch in its recipe.
type byHand struct{}

func (byHand) Describe() method.Description { return method.Description{Name: "by-hand"} }

func (byHand) Recipe(method.Values) method.Recipe {
	head := method.Head{{Width: 2}}
	return method.Recipe{Projector: head, Predictor: &head, Target: &method.Target{}}
}

func (byHand) Objective(e method.Embeddings, _ method.Values) method.Loss {
	return method.Sum(method.Term("pull", 3, e.P(0).Sub(e.T(1)).Square().Mean()), method.Term("size", 2, e.Y(0).Square().Mean()))
}

// spread is a regulariser: the mean of the squares of z0.
type spread struct{}

func (spread) Describe() method.Description { return method.Description{Name: "size"} }

func (spread) Penalty(z []expr.Tensor, _ bool, _ method.Values) expr.Tensor {
	return z[0].Square().Mean()
}

func tensors() map[string]safetensors.Tensor {
	return map[string]safetensors.Tensor{
		"z0": safetensors.Floats([]float32{1, 0, 2, 0}, 2, 2), "z1": safetensors.Floats([]float32{9, 9, 9, 9}, 2, 2),
		"p0": safetensors.Floats([]float32{1, 2, 3, 4}, 2, 2), "p1": safetensors.Floats([]float32{9, 9, 9, 9}, 2, 2),
		"t0": safetensors.Floats([]float32{9, 9, 9, 9}, 2, 2), "t1": safetensors.Floats([]float32{0, 2, 3, 1}, 2, 2),
		"y0": safetensors.Floats([]float32{1, 2, 3, 4, 5, 6}, 2, 3), "y1": safetensors.Floats([]float32{9, 9, 9, 9, 9, 9}, 2, 3),
		"loss": safetensors.Floats([]float32{7}),
	}
}

func write(t *testing.T, all map[string]safetensors.Tensor) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.safetensors")
	if err := safetensors.Write(path, all, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func devices(t *testing.T) []engine.Device {
	t.Helper()
	pool := kernel.NewPool(2)
	t.Cleanup(pool.Close)
	return []engine.Device{cpu.New(pool), tape.Device{}}
}

func TestEvaluate(t *testing.T) {
	in, err := objective.Read(write(t, tensors()))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"z0", "z1", "p0", "p1", "t0", "t1", "y0", "y1"}; !slices.Equal(in.Names(), want) {
		t.Fatalf("inputs %v, want %v", in.Names(), want)
	}
	traced, err := method.Trace(byHand{}, nil, in.Shapes())
	if err != nil {
		t.Fatal(err)
	}
	penalty, err := method.TraceRegulariser(spread{}, nil, in.Shapes(), false)
	if err != nil {
		t.Fatal(err)
	}
	regs := []model.Regulariser{{Name: "size", Weight: 0.5, Program: penalty, On: "z"}}
	// pull: (1, 0, 0, 3), mean of squares 10/4; size: 91/6; reg.size: 5/4.
	want := map[string][]float32{
		"loss": {3*2.5 + 2*91.0/6 + 0.5*1.25}, "term.pull": {2.5}, "term.size": {91.0 / 6}, "term.reg.size": {1.25},
		"grad.z0": {0.25, 0, 0.5, 0}, "grad.z1": {0, 0, 0, 0},
		"grad.p0": {1.5, 0, 0, 4.5}, "grad.p1": {0, 0, 0, 0}, "grad.t0": {0, 0, 0, 0}, "grad.t1": {0, 0, 0, 0},
		"grad.y0": {4.0 / 6, 8.0 / 6, 2, 16.0 / 6, 20.0 / 6, 4}, "grad.y1": {0, 0, 0, 0, 0, 0},
	}
	for _, d := range devices(t) {
		result, err := objective.Evaluate(context.Background(), in, traced, regs, d)
		if err != nil {
			t.Fatalf("%s: %v", d.Name(), err)
		}
		path := filepath.Join(t.TempDir(), "out.safetensors")
		if err := result.Write(path, map[string]string{"method": "by-hand"}); err != nil {
			t.Fatal(err)
		}
		got, meta, err := safetensors.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if meta["method"] != "by-hand" || len(got) != len(want) {
			t.Errorf("%s: wrote %d tensors and metadata %v, want %d", d.Name(), len(got), meta, len(want))
		}
		for name, w := range want {
			if !close(got[name].F32, w) {
				t.Errorf("%s: %s is %v, want %v", d.Name(), name, got[name].F32, w)
			}
		}
		if norm := result.Gradients[2].Norm(); math.Abs(norm-math.Sqrt(1.5*1.5+4.5*4.5)) > 1e-6 {
			t.Errorf("%s: the norm of the gradient of %s is %v", d.Name(), result.Gradients[2].Input, norm)
		}
	}
}

func close(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) <= 1e-6*max(1, math.Abs(float64(y))) })
}

func TestReadRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	for name, tc := range map[string]struct {
		change map[string]safetensors.Tensor // a zero Tensor removes
		says   string
	}{
		"no z0":           {map[string]safetensors.Tensor{"z0": {}}, "holds no tensor z0"},
		"one view":        {map[string]safetensors.Tensor{"z1": {}}, "holds no tensor z1"},
		"half a role":     {map[string]safetensors.Tensor{"p1": {}}, "there are [p0], but no [p1]"},
		"a vector":        {map[string]safetensors.Tensor{"z1": safetensors.Floats([]float32{1, 2}, 2)}, "z1 has the shape [2], not two axes"},
		"another batch":   {map[string]safetensors.Tensor{"z1": safetensors.Floats(make([]float32, 6), 3, 2)}, "z1 has the shape [3 2], want [2 2]"},
		"another width":   {map[string]safetensors.Tensor{"t1": safetensors.Floats(make([]float32, 6), 2, 3)}, "t1 has the shape [2 3], want [2 2]"},
		"y differs":       {map[string]safetensors.Tensor{"y1": safetensors.Floats(make([]float32, 4), 2, 2)}, "y1 has the shape [2 2], want [2 3]"},
		"one row":         {map[string]safetensors.Tensor{"z0": safetensors.Floats([]float32{1, 2}, 1, 2)}, "z0 has 1 rows"},
		"no columns":      {map[string]safetensors.Tensor{"z0": safetensors.Floats([]float32{}, 2, 0)}, "z0 has no columns"},
		"not a number":    {map[string]safetensors.Tensor{"z1": safetensors.Floats([]float32{1, 2, 3, nan}, 2, 2)}, "z1 is NaN at row 1, column 1"},
		"infinite":        {map[string]safetensors.Tensor{"p0": safetensors.Floats([]float32{1, inf, 3, 4}, 2, 2)}, "p0 is -Inf at row 0, column 1"},
		"whole numbers":   {map[string]safetensors.Tensor{"z0": safetensors.Ints([]int64{1, 2, 3, 4}, 2, 2)}, "z0 is of type I64"},
		"nothing at all":  {map[string]safetensors.Tensor{"z0": {}, "z1": {}, "p0": {}, "p1": {}, "t0": {}, "t1": {}, "y0": {}, "y1": {}, "loss": {}}, "holds no tensor z0"},
		"a wide z behind": {map[string]safetensors.Tensor{"z1": safetensors.Floats(make([]float32, 10), 2, 5)}, "z1 has the shape [2 5], want [2 2]"},
	} {
		t.Run(name, func(t *testing.T) {
			all := tensors()
			for key, v := range tc.change {
				if delete(all, key); v.Shape != nil {
					all[key] = v
				}
			}
			path := write(t, all)
			_, err := objective.Read(path)
			switch {
			case err == nil:
				t.Fatal("read without an error")
			case !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), path):
				t.Errorf("error %q does not name %s and say %q", err, path, tc.says)
			case fault.CodeOf(err) != fault.Data || fault.HintOf(err) == "":
				t.Errorf("code %d, hint %q", fault.CodeOf(err), fault.HintOf(err))
			}
		})
	}
}

func TestMissingInput(t *testing.T) {
	all := tensors()
	delete(all, "t0")
	delete(all, "t1")
	in, err := objective.Read(write(t, all))
	if err != nil {
		t.Fatal(err)
	}
	traced, err := method.Trace(byHand{}, nil, in.Shapes())
	if err != nil {
		t.Fatal(err)
	}
	_, err = objective.Evaluate(context.Background(), in, traced, nil, tape.Device{})
	if fault.CodeOf(err) != fault.Data || !strings.Contains(err.Error(), "takes t0, which is missing") {
		t.Errorf("error %v", err)
	}
}

func TestOverflow(t *testing.T) {
	all := tensors()
	all["y0"] = safetensors.Floats([]float32{1e30, 2, 3, 4, 5, 6}, 2, 3)
	in, err := objective.Read(write(t, all))
	if err != nil {
		t.Fatal(err)
	}
	traced, err := method.Trace(byHand{}, nil, in.Shapes())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range devices(t) {
		_, err = objective.Evaluate(context.Background(), in, traced, nil, d)
		if fault.CodeOf(err) != fault.Diverged || !strings.Contains(err.Error(), "term size is +Inf") {
			t.Errorf("%s: error %v", d.Name(), err)
		}
	}
}
