package train

import (
	"context"
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/cuda"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// onCUDA is a run on a device, the CPU where it is nil, and the losses of its steps. stop ends it after so many steps; 0 not.
func onCUDA(t *testing.T, d engine.Device, dir string, c config.Config, stop int) ([]float64, error) {
	t.Helper()
	pool := kernel.NewPool(2)
	defer pool.Close()
	j, err := smallJob(c, pool)
	if err != nil {
		t.Fatal(err)
	}
	if j.Device = d; d == nil {
		j.Device = cpu.New(pool)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var losses []float64
	j.Observe = func(e Event) {
		if s, ok := e.(StepEvent); ok {
			if losses = append(losses, s.Loss); s.Step == stop {
				cancel()
			}
		}
	}
	_, err = conductJob(ctx, dir, j)
	return losses, err
}

// openFake takes the fake GPU.
func openFake(t *testing.T, f *fake.Fake) *cuda.Device {
	t.Helper()
	d, err := cuda.Open(f.Search(), 0, cuda.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// brief is a few steps on small images that end with the probe that needs least.
func brief(methodName, dataDir string) config.Config {
	c := small(methodName, dataDir)
	c.Data.Size, c.Train.Epochs = 12, 1
	c.Probe.Every, c.Probe.Baselines, c.Probe.Linear = 0, false, false
	return c
}

// TestOnCUDA trains on the fake GPU with each rule, with and without a target branch, and compares with the CPU: losses,
// weights and all other state of the last checkpoint. Interrupted and resumed, the run ends with the same bits.
func TestOnCUDA(t *testing.T) {
	for name, set := range map[string]func(c *config.Config){
		"byol":   func(c *config.Config) { c.Optimizer.Name, c.Optimizer.LR = "adamw", 1e-3 },
		"vicreg": func(c *config.Config) { c.Optimizer.Name, c.Optimizer.LR = "lars", 1e-2 },
		"simsiam": func(c *config.Config) {
			c.Optimizer.Name, c.Optimizer.LR, c.Optimizer.FixedLR = "sgd", 1e-2, []string{"predictor"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := openFake(t, fake.Start(t))
			dataDir, folder := t.TempDir(), t.TempDir()
			writePatterns(t, dataDir)
			c := brief(name, dataDir)
			c.Backbone.Name, c.Backbone.Widths = "mlp", []int{8}
			set(&c)
			compareWithCPU(t, d, c, folder)
			if _, err := onCUDA(t, d, filepath.Join(folder, "stopped"), c, 7); fault.CodeOf(err) != fault.Interrupted {
				t.Fatalf("interrupted: %v", err)
			}
			if _, err := onCUDA(t, d, filepath.Join(folder, "stopped"), c, 0); err != nil {
				t.Fatal(err)
			}
			demandSame(t, traceOf(t, filepath.Join(folder, "cuda")), traceOf(t, filepath.Join(folder, "stopped")))
		})
	}
}

// TestResNetOnCUDA does so with convolutions, for three steps; the views are the host's.
func TestResNetOnCUDA(t *testing.T) {
	dataDir := t.TempDir()
	writePatterns(t, dataDir)
	c := brief("barlowtwins", dataDir)
	c.Train.Steps, c.Backbone.Widths, c.Train.Views = 3, []int{2, 3, 4}, "host"
	compareWithCPU(t, openFake(t, fake.Start(t)), c, t.TempDir())
}

// compareWithCPU trains on both, in the subfolders cuda and cpu.
func compareWithCPU(t *testing.T, d engine.Device, c config.Config, folder string) {
	t.Helper()
	want, err := onCUDA(t, nil, filepath.Join(folder, "cpu"), c, 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := onCUDA(t, d, filepath.Join(folder, "cuda"), c, 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d steps, want %d", len(got), len(want))
	}
	for k := range want {
		if diff := math.Abs(got[k]-want[k]) / max(math.Abs(want[k]), lossFloor); !(diff <= 1e-4) {
			t.Errorf("step %d: loss %g, the CPU's is %g", k+1, got[k], want[k])
		}
	}
	sameState(t, filepath.Join(folder, "cuda"), filepath.Join(folder, "cpu"))
}

// cancelled matches what batch norm takes out again: the biases before it, whose gradients are rounding that AdamW divides
// by its own size, and the running means that they shift.
var cancelled = regexp.MustCompile(`(projector|predictor)\.(0\.bias|1\.running_mean)$`)

// sameState compares the last checkpoints of two runs within a thousandth of each tensor's largest number, or a millionth.
func sameState(t *testing.T, got, want string) {
	t.Helper()
	load := func(dir string) *run.Checkpoint {
		f, err := run.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		c, err := f.LoadLast()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	ours, theirs := load(got), load(want)
	for name, w := range theirs.Tensors {
		if cancelled.MatchString(name) {
			continue
		}
		g, ok := ours.Tensors[name]
		if !ok || cmp.Diff(g.Shape, w.Shape) != "" {
			t.Errorf("%s has the shape %v, want %v", name, g.Shape, w.Shape)
			continue
		}
		if diff := magnitude(difference(g.F32, w.F32)); diff > max(1e-3*magnitude(w.F32), 1e-6) {
			t.Errorf("%s differs by %.2g of %.2g", name, diff, magnitude(w.F32))
		}
	}
	if len(ours.Tensors) != len(theirs.Tensors) {
		t.Errorf("%d tensors, want %d", len(ours.Tensors), len(theirs.Tensors))
	}
}

// TestLostOnCUDA: a GPU that is lost in the midst of a run ends it with the code of a device, the checkpoint before is there, and
// the run resumes to the same end on a sound one.
func TestLostOnCUDA(t *testing.T) {
	f := fake.Start(t)
	dataDir, folder := t.TempDir(), t.TempDir()
	writePatterns(t, dataDir)
	c := brief("simsiam", dataDir)
	c.Backbone.Name, c.Backbone.Widths = "mlp", []int{8}
	whole, lost := filepath.Join(folder, "whole"), filepath.Join(folder, "lost")
	first := openFake(t, f)
	before := f.Calls("kernel")
	if _, err := onCUDA(t, first, whole, c, 0); err != nil {
		t.Fatal(err)
	}
	first.Close()
	second := openFake(t, f)
	f.Fail("kernel", (f.Calls("kernel")-before)*2/3, 700)
	_, err := onCUDA(t, second, lost, c, 0)
	if fault.CodeOf(err) != fault.Device || !strings.Contains(fault.HintOf(err), "--resume "+lost) {
		t.Fatalf("lost: code %d, %v (hint %q)", fault.CodeOf(err), err, fault.HintOf(err))
	}
	second.Close()
	if _, err := onCUDA(t, openFake(t, f), lost, c, 0); err != nil {
		t.Fatal(err)
	}
	demandSame(t, traceOf(t, whole), traceOf(t, lost))
}

// TestSmallerBatch: the advice after an out of memory leaves parameters their memory and gives the rest to images.
func TestSmallerBatch(t *testing.T) {
	n := &network{spec: model.Spec{Batch: 256}, model: &model.Model{Params: []model.Param{{Param: nn.Param{Name: "w"}}}}, values: map[string][]float32{"w": make([]float32, 1000)}}
	for _, tc := range []struct {
		needed, free int
		want         string
	}{
		{16_000 + 256_000, 16_000 + 100_500, "--batch 96"},
		{16_000 + 256_000, 15_000, "smaller backbone or head"},
		{16_000 + 256_000, 16_500, "smaller images"},
		{16_000 + 256_000, 400_000, "end what else uses the GPU"},
	} {
		if got := n.smaller(&engine.OutOfMemory{Needed: tc.needed, Free: tc.free}); !strings.Contains(got, tc.want) {
			t.Errorf("%d needed, %d free: %q, want %q", tc.needed, tc.free, got, tc.want)
		}
	}
}
