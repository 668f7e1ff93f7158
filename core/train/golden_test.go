package train

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/engine"
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

// TestGoldenSteps replays training steps that PyTorch computed in float64: losses, the gradients of the first step, and
// weights and running statistics after three, on the CPU and on the TapeMachine. The files stand in testdata/golden;
// SSLCTL_GOLDEN names another folder of the same form.
func TestGoldenSteps(t *testing.T) {
	dir := os.Getenv("SSLCTL_GOLDEN")
	if dir == "" {
		dir = "testdata/golden"
	}
	files, err := filepath.Glob(filepath.Join(dir, "step-*.safetensors"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden steps in %s: %v", dir, err)
	}
	pool := kernel.NewPool(2)
	defer pool.Close()
	for _, file := range files {
		for _, device := range []engine.Device{cpu.New(pool), tape.Device{}} {
			name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "step-"), ".safetensors")
			t.Run(name+"/"+device.Name(), func(t *testing.T) { replay(t, file, device, pool) })
		}
	}
}

// shippedMethods and shippedRegularisers are those of which there are golden files.
var (
	shippedMethods      = map[string]method.Method{"vicreg": vicreg.Method{}, "byol": byol.Method{}, "simsiam": simsiam.Method{}, "barlowtwins": barlowtwins.Method{}}
	shippedRegularisers = map[string]method.Regulariser{"var": reg.Var{}, "cov": reg.Cov{}}
	// goldenWeights are the weights of the regularisers in the golden files.
	goldenWeights = map[string]float64{"var": 1, "cov": 0.01}
)

func replay(t *testing.T, file string, device engine.Device, pool *kernel.Pool) {
	tensors, meta, err := safetensors.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	n, opt := goldenNetwork(t, tensors, meta, device, pool)
	batch, size := number(t, meta, "batch"), number(t, meta, "size")
	for step := range 3 {
		var pixels []float32
		for view := range 2 {
			v := tensors[fmt.Sprintf("step%d.view%d", step, view)]
			pixels = append(pixels, model.ImagesFromTorch(batch, 3, size, size, v.F32)...)
		}
		if err := n.forwardBackward(context.Background(), pixels); err != nil {
			t.Fatal(err)
		}
		loss := float64(n.exe.Read(n.model.Loss)[0])
		within(t, fmt.Sprintf("loss of step %d", step), loss, float64(tensors["loss"].F32[step]), []float64{1e-5, 1e-3, 1e-3}[step])
		if step == 0 {
			for _, p := range n.model.Params {
				if !p.Frozen {
					agree(t, "gradient of "+p.Name, model.ToTorch(p.Param, n.exe.Read(p.Grad)), tensors["grad."+p.Name].F32, 2e-5)
				}
			}
		}
		opt.step(step)
		n.updateBuffers()
	}
	for _, p := range n.model.Params {
		agree(t, p.Name+" after three steps", model.ToTorch(p.Param, n.values[p.Name]), tensors["final."+p.Name].F32, 1e-3)
	}
	for _, b := range n.model.Buffers {
		agree(t, b.Name+" after three steps", n.values[b.Name], tensors["final."+b.Name].F32, 1e-3)
	}
}

// goldenNetwork builds the network of a golden file from its metadata and starts it with the file's weights.
func goldenNetwork(t *testing.T, tensors map[string]safetensors.Tensor, meta map[string]string, device engine.Device, pool *kernel.Pool) (*network, *optimiser) {
	t.Helper()
	width := number(t, meta, "width")
	backbone, err := backbones.New("resnet10", backbones.Options{Widths: []int{width, 2 * width, 4 * width, 8 * width}, Stem: "cifar"})
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Split(strings.TrimSuffix(strings.TrimSuffix(meta["recipe"], "-sgd"), "-lars"), "+")
	projector := goldenHead(t, tensors, "projector", meta["projector"])
	shapes := method.Shapes{Batch: number(t, meta, "batch"), Views: 2, Embedding: projector[len(projector)-1].Width}
	traced, err := method.Trace(shippedMethods[names[0]], nil, shapes)
	if err != nil {
		t.Fatal(err)
	}
	traced.Recipe.Projector = projector
	if meta["predictor"] != "" {
		head := goldenHead(t, tensors, "predictor", meta["predictor"])
		traced.Recipe.Predictor = &head
	}
	if meta["ema"] != "" {
		m, err := strconv.ParseFloat(meta["ema"], 64)
		if err != nil {
			t.Fatal(err)
		}
		traced.Recipe.Target = &method.Target{Momentum: m, Schedule: "constant"}
	}
	var regularisers []model.Regulariser
	for _, name := range names[1:] {
		p, err := method.TraceRegulariser(shippedRegularisers[name], nil, shapes, false)
		if err != nil {
			t.Fatal(err)
		}
		regularisers = append(regularisers, model.Regulariser{Name: name, Weight: goldenWeights[name], Program: p, On: "z"})
	}
	n := &network{spec: model.Spec{Backbone: backbone, Method: traced, Regularisers: regularisers, Batch: shapes.Batch, Views: 2, Channels: 3, Size: number(t, meta, "size")}}
	if n.model, err = model.Build(n.spec); err != nil {
		t.Fatal(err)
	}
	n.values = n.model.Init(0)
	start := map[string]safetensors.Tensor{}
	for name, tensor := range tensors {
		if own, ok := strings.CutPrefix(name, "init."); ok {
			start[own], start["target."+own] = tensor, tensor
		}
	}
	var params []nn.Param
	for _, p := range n.model.Params {
		params = append(params, p.Param)
	}
	if err := readValues(n.values, params, n.model.Buffers, start); err != nil {
		t.Fatal(err)
	}
	if err := n.connect(device); err != nil {
		t.Fatal(err)
	}
	opt, err := newOptimiser(goldenConfig(t, meta), n, 3, 3, pool)
	if err != nil {
		t.Fatal(err)
	}
	return n, opt
}

// goldenConfig is the optimiser of a golden file.
func goldenConfig(t *testing.T, meta map[string]string) config.Config {
	t.Helper()
	c := config.Default()
	c.Optimizer = config.Optimizer{Name: meta["optimizer"], LR: float(t, meta, "lr"), WeightDecay: float(t, meta, "weight_decay"),
		Momentum: float(t, meta, "momentum"), Eta: 0.001, LRScale: "none", ExcludeNormBias: meta["optimizer"] == "lars"}
	c.Schedule = config.Schedule{Name: "constant"}
	return c
}

// goldenHead reads a head's layers off the names of its tensors in an nn.Sequential of linear, batch norm and ReLU.
func goldenHead(t *testing.T, tensors map[string]safetensors.Tensor, name, widths string) method.Head {
	t.Helper()
	parts := strings.Split(widths, "-")[1:]
	var head method.Head
	for i, part := range parts {
		width, err := strconv.Atoi(part)
		if err != nil {
			t.Fatal(err)
		}
		has := func(module int, tensor string) bool {
			_, ok := tensors[fmt.Sprintf("init.%s.%d.%s", name, module, tensor)]
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

func number(t *testing.T, meta map[string]string, key string) int {
	t.Helper()
	return int(float(t, meta, key))
}

func float(t *testing.T, meta map[string]string, key string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(meta[key], 64)
	if err != nil {
		t.Fatalf("metadata %q: %v", key, err)
	}
	return v
}

func within(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if d := math.Abs(got-want) / math.Abs(want); !(d <= tolerance) {
		t.Errorf("%s is %v, want %v: %.2g relative", what, got, want, d)
	}
}

// agree compares tensors by the largest difference relative to the largest magnitude.
func agree(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Errorf("%s has %d numbers, want %d", what, len(got), len(want))
		return
	}
	var diff, scale float64
	for i := range got {
		diff = max(diff, math.Abs(float64(got[i])-float64(want[i])))
		scale = max(scale, math.Abs(float64(want[i])))
	}
	if !(diff <= tolerance*max(scale, 1e-6)) {
		t.Errorf("%s differs by %.2g where the largest number is %.2g", what, diff, scale)
	}
}
