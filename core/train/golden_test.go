package train

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/safetensors"
	"github.com/sslctl/sslctl/methods/barlowtwins"
	"github.com/sslctl/sslctl/methods/byol"
	"github.com/sslctl/sslctl/methods/reg"
	"github.com/sslctl/sslctl/methods/simsiam"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
)

// goldenEnv names a folder of golden files beside the one in testdata, which testdata/golden/make_golden.py makes.
const goldenEnv = "SSLCTL_GOLDEN"

// TestGoldenSteps replays training steps that PyTorch computed in float64: losses, the gradients of the first step, and
// weights and running statistics after three, on the CPU and on the TapeMachine. Each replay must agree within float32's
// rounding, on every instruction set; where a ReLU's input lies closer to 0 than that, kinks_test.go finds the side that the
// truth is on. The files of testdata have no such ties.
func TestGoldenSteps(t *testing.T) {
	dir := os.Getenv(goldenEnv)
	if dir == "" {
		dir = "testdata/golden"
	}
	files, err := filepath.Glob(filepath.Join(dir, "step-*.safetensors"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden steps in %s: %v", dir, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "step-"), ".safetensors")
		t.Run(name, func(t *testing.T) {
			g := openGolden(t, file)
			var turned []kink
			for _, isa := range kernel.ISAs() {
				pool := kernel.NewPool(2, kernel.WithISA(isa))
				t.Run("cpu "+isa.String(), func(t *testing.T) { turned = g.agree(t, cpu.New(pool), pool, turned) })
				pool.Close()
			}
			pool := kernel.NewPool(1) // of the optimiser
			t.Run("tapemachine", func(t *testing.T) { g.agree(t, tape.Device{}, pool, turned) })
			pool.Close()
		})
	}
}

// shippedMethods and shippedRegularisers are those of which there are golden files.
var (
	shippedMethods = map[string]method.Method{"vicreg": vicreg.Method{}, "byol": byol.Method{}, "simsiam": simsiam.Method{},
		"barlowtwins": barlowtwins.Method{}}
	shippedRegularisers = map[string]method.Regulariser{"var": reg.Var{}, "cov": reg.Cov{}}
	// goldenWeights are the weights of the regularisers in the golden files.
	goldenWeights = map[string]float64{"var": 1, "cov": 0.01}
)

// golden is a file of training steps.
type golden struct {
	tensors map[string]safetensors.Tensor
	meta    map[string]string
	spoil   func(*config.Optimizer) // nil, or what a test gets wrong on purpose
}

func openGolden(t *testing.T, file string) *golden {
	t.Helper()
	tensors, meta, err := safetensors.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return &golden{tensors: tensors, meta: meta}
}

// spec is the file's network, from its metadata.
func (g *golden) spec(t *testing.T) model.Spec {
	t.Helper()
	width := g.number(t, "width")
	backbone, err := backbones.New("resnet10", backbones.Options{Widths: []int{width, 2 * width, 4 * width, 8 * width}, Stem: backbones.CIFARStem})
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Split(strings.TrimSuffix(g.meta["recipe"], "-"+g.meta["optimizer"]), "+")
	if shippedMethods[names[0]] == nil {
		t.Fatalf("golden file of an unknown method %q", names[0])
	}
	projector := g.head(t, "projector")
	shapes := method.Shapes{Batch: g.number(t, "batch"), Views: goldenViews, Embedding: projector[len(projector)-1].Width}
	traced, err := method.Trace(shippedMethods[names[0]], nil, shapes)
	if err != nil {
		t.Fatal(err)
	}
	traced.Recipe.Projector = projector
	if g.meta["predictor"] != "" {
		head := g.head(t, "predictor")
		traced.Recipe.Predictor = &head
	}
	if g.meta["ema"] != "" {
		traced.Recipe.Target = &method.Target{Momentum: g.float(t, "ema"), Schedule: "constant"}
	}
	return model.Spec{Backbone: backbone, Method: traced, Regularisers: g.regularisers(t, names[1:], shapes),
		Batch: shapes.Batch, Views: shapes.Views, Channels: 3, Size: g.number(t, "size")}
}

func (g *golden) regularisers(t *testing.T, names []string, shapes method.Shapes) []model.Regulariser {
	t.Helper()
	var out []model.Regulariser
	for _, name := range names {
		p, err := method.TraceRegulariser(shippedRegularisers[name], nil, shapes, false)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, model.Regulariser{Name: name, Weight: goldenWeights[name], Program: p, On: "z"})
	}
	return out
}

// head reads a head's layers off the names of its tensors in an nn.Sequential of linear, batch norm and ReLU.
func (g *golden) head(t *testing.T, name string) method.Head {
	t.Helper()
	parts := strings.Split(g.meta[name], "-")[1:]
	var head method.Head
	for i, part := range parts {
		width, err := strconv.Atoi(part)
		if err != nil {
			t.Fatal(err)
		}
		has := func(module int, tensor string) bool {
			_, ok := g.tensors[fmt.Sprintf("init.%s.%d.%s", name, module, tensor)]
			return ok
		}
		layer := method.Layer{Width: width, Bias: has(3*i, "bias"), ReLU: i < len(parts)-1}
		switch {
		case has(3*i+1, "weight"):
			layer.Norm = method.Affine
		case has(3*i+1, "running_mean"):
			layer.Norm = method.Standardise
		}
		head = append(head, layer)
	}
	return head
}

// initial gives a network the file's weights. The target branch starts as a copy of the online one.
func (g *golden) initial(t *testing.T, m *model.Model) map[string][]float32 {
	t.Helper()
	values := m.Init(0)
	start := map[string]safetensors.Tensor{}
	for name, tensor := range g.tensors {
		if own, ok := strings.CutPrefix(name, "init."); ok {
			start[own], start["target."+own] = tensor, tensor
		}
	}
	var params []nn.Param
	for _, p := range m.Params {
		params = append(params, p.Param)
	}
	if err := readValues(values, params, m.Buffers, start); err != nil {
		t.Fatal(err)
	}
	return values
}

// pixels are the views of a step, stacked.
func (g *golden) pixels(t *testing.T, step int) []float32 {
	t.Helper()
	batch, size := g.number(t, "batch"), g.number(t, "size")
	var pixels []float32
	for view := range goldenViews {
		v := g.tensors[fmt.Sprintf("step%d.view%d", step, view)]
		pixels = slices.Concat(pixels, model.ImagesFromTorch(batch, 3, size, size, v.F32))
	}
	return pixels
}

// config is the optimiser of the file.
func (g *golden) config(t *testing.T) config.Config {
	t.Helper()
	c := config.Default()
	c.Optimizer = config.Optimizer{Name: g.meta["optimizer"], LR: g.float(t, "lr"), WeightDecay: g.float(t, "weight_decay"),
		Momentum: g.float(t, "momentum"), Eta: 0.001, LRScale: "none", ExcludeNormBias: g.meta["optimizer"] == "lars",
		Beta1: 0.9, Beta2: 0.999, Eps: 1e-8}
	c.Schedule = config.Schedule{Name: "constant"}
	if g.spoil != nil {
		g.spoil(&c.Optimizer)
	}
	return c
}

func (g *golden) number(t *testing.T, key string) int {
	t.Helper()
	return int(g.float(t, key))
}

func (g *golden) float(t *testing.T, key string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(g.meta[key], 64)
	if err != nil {
		t.Fatalf("metadata %q: %v", key, err)
	}
	return v
}
