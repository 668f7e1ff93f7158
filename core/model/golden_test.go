package model_test

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/safetensors"
	"github.com/sslctl/sslctl/methods/barlowtwins"
	"github.com/sslctl/sslctl/methods/byol"
	"github.com/sslctl/sslctl/methods/reg"
	"github.com/sslctl/sslctl/methods/simsiam"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
	"github.com/sslctl/sslctl/sdk/method"
)

// TestGolden replays the first step of PyTorch's training steps (testdata/make_golden.py; with SSLCTL_GOLDEN those of that
// folder too): loss and every gradient.
func TestGolden(t *testing.T) {
	for _, path := range goldenFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".safetensors"), func(t *testing.T) {
			g := readGolden(t, path)
			got, err := exprtest.Eval(goldenInputs(t, g.model, g.tensors), g.outputs()...)
			if err != nil {
				t.Fatal(err)
			}
			g.compare(t, got, 1e-5, tolerance(path))
		})
	}
}

// golden is a file with its network.
type golden struct {
	tensors map[string]safetensors.Tensor
	model   *model.Model
}

func readGolden(t *testing.T, path string) golden {
	t.Helper()
	tensors, meta, err := safetensors.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Build(goldenSpec(t, meta))
	if err != nil {
		t.Fatal(err)
	}
	return golden{tensors, m}
}

// outputs are the loss and the gradients of all that is trained.
func (g golden) outputs() []expr.Tensor {
	outputs := []expr.Tensor{g.model.Loss}
	for _, p := range g.model.Params {
		if !p.Frozen {
			outputs = append(outputs, p.Grad)
		}
	}
	return outputs
}

// compare compares the outputs' values with the file: the loss relative to its size, gradients by their norm.
func (g golden) compare(t *testing.T, got [][]float32, loss, gradient float64) {
	t.Helper()
	if value, want := float64(got[0][0]), float64(g.tensors["loss"].F32[0]); !(math.Abs(value-want) <= loss*math.Abs(want)) {
		t.Errorf("loss %v, want %v", value, want)
	}
	largest := 0.0
	for name, v := range g.tensors {
		if strings.HasPrefix(name, "grad.") {
			largest = max(largest, norm(v.F32))
		}
	}
	checked := 0
	for _, p := range g.model.Params {
		if p.Frozen {
			continue
		}
		checked++
		want, ok := g.tensors["grad."+p.Name]
		if !ok {
			t.Fatalf("no parameter %s in the file", p.Name)
		}
		// A bias before batch norm has the gradient 0: its error counts against the largest gradient.
		d := norm(difference(model.ToTorch(p.Param, got[checked]), want.F32)) / max(norm(want.F32), 1e-3*largest)
		if !(d <= gradient) {
			t.Errorf("gradient of %s is off by %.1e", p.Name, d)
		}
	}
	for name := range g.tensors {
		if strings.HasPrefix(name, "grad.") {
			checked--
		}
	}
	if checked != 0 {
		t.Errorf("the model has %d parameters more than the file", checked)
	}
}

func goldenFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, dir := range []string{"testdata", os.Getenv("SSLCTL_GOLDEN")} {
		if dir == "" {
			continue
		}
		found, err := filepath.Glob(filepath.Join(dir, "step-*.safetensors"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no golden file in %s (%v)", dir, err)
		}
		files = append(files, found...)
	}
	return files
}

// goldenSpec is the network that a golden file's metadata describes.
func goldenSpec(t *testing.T, meta map[string]string) model.Spec {
	t.Helper()
	recipe, _, _ := strings.Cut(meta["recipe"], "-")
	name, added, _ := strings.Cut(recipe, "+")
	methods := map[string]method.Method{
		"vicreg": vicreg.Method{}, "barlowtwins": barlowtwins.Method{}, "simsiam": simsiam.Method{}, "byol": byol.Method{},
	}
	width, batch := number(t, meta["width"]), number(t, meta["batch"])
	projector, predictor := dims(t, meta["projector"]), dims(t, meta["predictor"])
	embedding := projector[len(projector)-1]
	traced, err := method.Trace(methods[name], nil, method.Shapes{Batch: batch, Views: 2, Embedding: embedding})
	if err != nil {
		t.Fatal(err)
	}
	heads := method.Recipe{Projector: goldenHead(projector[1:], false), Target: traced.Recipe.Target}
	if name == "simsiam" {
		heads.Projector[len(heads.Projector)-1].Norm = method.Standardise
	}
	if predictor != nil {
		head := goldenHead(predictor[1:], true)
		heads.Predictor = &head
	}
	traced.Recipe = heads
	backbone, err := backbones.New("resnet10", backbones.Options{
		Widths: []int{width, 2 * width, 4 * width, 8 * width}, Stem: backbones.CIFARStem})
	if err != nil {
		t.Fatal(err)
	}
	s := model.Spec{Backbone: backbone, Method: traced, Batch: batch, Views: 2, Channels: 3, Size: number(t, meta["size"])}
	if added != "" {
		shapes := method.Shapes{Batch: batch, Views: 2, Embedding: embedding}
		s.Regularisers = []model.Regulariser{
			regulariser(t, reg.Var{}, "variance", 1, shapes), regulariser(t, reg.Cov{}, "covariance", 0.01, shapes)}
	}
	return s
}

func regulariser(t *testing.T, r method.Regulariser, term string, weight float64, s method.Shapes) model.Regulariser {
	t.Helper()
	p, err := method.TraceRegulariser(r, nil, s, false)
	if err != nil {
		t.Fatal(err)
	}
	return model.Regulariser{Name: r.Describe().Name, Term: term, Weight: weight, Program: p, On: "z"}
}

func goldenHead(widths []int, lastBias bool) method.Head {
	h := make(method.Head, len(widths))
	for i, w := range widths {
		h[i] = method.Layer{Width: w, Bias: true, Norm: method.Affine, ReLU: true}
	}
	h[len(h)-1] = method.Layer{Width: widths[len(widths)-1], Bias: lastBias}
	return h
}

// goldenInputs are the initial weights, the target's copied from the online branch, and the pixels of the first step.
func goldenInputs(t *testing.T, m *model.Model, tensors map[string]safetensors.Tensor) map[string][]float32 {
	t.Helper()
	inputs := map[string][]float32{}
	for _, p := range m.Params {
		init, ok := tensors["init."+strings.TrimPrefix(p.Name, "target.")]
		if !ok {
			t.Fatalf("no parameter %s in the file", p.Name)
		}
		values, err := model.FromTorch(p.Param, init.Shape, init.F32)
		if err != nil {
			t.Fatal(err)
		}
		inputs[p.Name] = values
	}
	for _, view := range []string{"view0", "view1"} {
		x := tensors["step0."+view]
		inputs["pixels"] = append(inputs["pixels"], model.ImagesFromTorch(x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3], x.F32)...)
	}
	return inputs
}

func dims(t *testing.T, text string) []int {
	t.Helper()
	if text == "" {
		return nil
	}
	var out []int
	for part := range strings.SplitSeq(text, "-") {
		out = append(out, number(t, part))
	}
	return out
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// tolerance of gradients. One file of the wider set has an activation of 1.7e-7, for which float32 takes the other side of
// ReLU's kink; PyTorch's own float32 is off by 1e-2 there.
func tolerance(path string) float64 {
	if filepath.Base(path) == "step-vicreg-sgd.safetensors" {
		return 3e-2
	}
	return 3e-5
}

func difference(a, b []float32) []float32 {
	out := make([]float32, len(a))
	for i := range a {
		out[i] = a[i] - b[i]
	}
	return out
}

func norm(x []float32) float64 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}
