package cuda_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
	"github.com/sslctl/sslctl/sdk/expr"
)

// outOfMemory is CUDA_ERROR_OUT_OF_MEMORY, illegalAddress the code with which a crashed kernel loses the context.
const (
	outOfMemory    = 2
	illegalAddress = 700
	unknown        = 999 // CUDA_ERROR_UNKNOWN
)

// scenario does everything that a device does, up to the replay of a graph, with a custom op, an update and results of
// both sizes.
func scenario(t *testing.T, f *fake.Fake) error {
	d, err := cuda.Open(f.Search(), 0, cuda.Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	g := newStep(t)
	exe, err := d.Load(g.plan)
	if err != nil {
		return err
	}
	if err := errors.Join(exe.Bind(g.x, g.data), exe.Hold(g.w, g.weights)); err != nil {
		return err
	}
	for range 3 {
		if err := exe.Run(t.Context()); err != nil {
			return err
		}
	}
	for _, o := range g.plan.Outputs {
		exe.Read(o)
	}
	return exe.Fetch(t.Context())
}

// step is a small plan with all that a device treats by itself.
type step struct {
	plan          *engine.Plan
	x, w          expr.Tensor
	loss          expr.Tensor
	data, weights []float32
}

func newStep(t *testing.T) step {
	t.Helper()
	b := expr.New()
	g := step{x: b.Input("x", 40, 50), w: b.Input("w", 50), data: make([]float32, 2000), weights: make([]float32, 50)}
	var calls int
	var failed error
	cubes := b.Custom(enginetest.Cubes{Forwards: &calls, Backwards: &calls, Failed: &failed}, g.w).At(0)
	y := g.x.Mul(g.w)
	g.loss = y.Sum()
	var err error
	if g.plan, err = engine.CompileStep(engine.FP32, []expr.Tensor{y, g.loss}, []engine.Update{{Input: g.w, Value: g.w.Add(cubes)}}); err != nil {
		t.Fatal(err)
	}
	for i := range g.data {
		g.data[i] = float32(i % 7)
	}
	return g
}

// TestEveryCallMayFail lets each call of the driver fail in turn, and demands the error of a device each time, no crash and,
// by the fake, nothing left behind.
func TestEveryCallMayFail(t *testing.T) {
	f := fake.Start(t)
	if err := scenario(t, f); err != nil {
		t.Fatal(err)
	}
	functions := []string{"cuInit", "cuDeviceGetCount", "cuDevicePrimaryCtxRetain", "cuCtxSetCurrent", "cuMemAlloc_v2", "cuMemHostAlloc", "cuStreamCreate",
		"cuEventCreate", "cuModuleLoadData", "cuModuleGetFunction", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuMemcpyDtoDAsync_v2",
		"cuLaunchKernel", "cuEventRecord", "cuStreamWaitEvent", "cuEventSynchronize", "cuStreamSynchronize", "cuStreamBeginCapture_v2", "cuStreamEndCapture",
		"cuGraphInstantiateWithFlags", "cuGraphLaunch", "nvrtcCreateProgram", "nvrtcCompileProgram"}
	calls := map[string]int{}
	for _, name := range functions {
		if calls[name] = f.Calls(name); calls[name] == 0 {
			t.Errorf("%s is not called", name)
		}
	}
	for _, name := range functions {
		for n := 1; n <= calls[name]; n++ {
			f := fake.Start(t)
			f.Fail(name, n, unknown)
			err := scenario(t, f)
			if closing := strings.Contains(name, "Synchronize") || name == "cuCtxSetCurrent"; err == nil && closing && n > calls[name]-4 {
				continue // while closing, where errors concern nobody
			}
			if fault.CodeOf(err) != fault.Device || !strings.Contains(err.Error(), "cuda: ") || fault.HintOf(err) == "" {
				t.Errorf("call %d of %s fails: code %d, %v (hint %q)", n, name, fault.CodeOf(err), err, fault.HintOf(err))
			}
		}
	}
}

// TestLost: a crashed kernel loses the device; every later call says so, and closing does not hang.
func TestLost(t *testing.T) {
	f := fake.Start(t)
	d := open(t, f)
	g := newStep(t)
	exe, err := d.Load(g.plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(exe.Bind(g.x, g.data), exe.Hold(g.w, g.weights), exe.Run(t.Context())); err != nil {
		t.Fatal(err)
	}
	f.Fail("kernel", 1, illegalAddress)
	for _, err := range []error{exe.Run(t.Context()), exe.Fetch(t.Context()), exe.Run(t.Context())} {
		if fault.CodeOf(err) != fault.Device || !errors.Is(err, drv.ErrLost) || !strings.Contains(fault.HintOf(err), "nvidia-smi") {
			t.Errorf("after a crash: %v (hint %q)", err, fault.HintOf(err))
		}
	}
	if loss := exe.Read(g.loss)[0]; loss == loss {
		t.Errorf("a lost device reads %v", loss)
	}
}

// TestOutOfMemory: the error says what is needed and what there is.
func TestOutOfMemory(t *testing.T) {
	f := fake.Start(t)
	d := open(t, f)
	f.Fail("cuMemAlloc_v2", 1, outOfMemory)
	_, err := d.Load(newStep(t).plan)
	var memory *engine.OutOfMemory
	if !errors.As(err, &memory) || memory.Needed < 4*2000 || memory.Free <= 0 || memory.Size < memory.Free {
		t.Fatalf("out of memory: %v, %+v", err, memory)
	}
	if fault.CodeOf(err) != fault.Device || !strings.Contains(fault.HintOf(err), "train.batch") {
		t.Errorf("code %d, hint %q", fault.CodeOf(err), fault.HintOf(err))
	}
}

// TestMissing: what cannot be opened is named, with the way to get it.
func TestMissing(t *testing.T) {
	for what, tc := range map[string]struct {
		open func() error
		says string
	}{
		"driver": {func() error { return openError(dl.In(t.TempDir()), 0) }, "NVIDIA driver"},
		"GPU":    {func() error { return openError(fake.Start(t).Search(), 3) }, "GPU 3 of 1"},
		"symbol": {func() error { return scenario(t, fake.Without(t, "cuGraphLaunch")) }, "cuGraphLaunch"},
	} {
		t.Run(what, func(t *testing.T) {
			err := tc.open()
			if fault.CodeOf(err) != fault.Device || !strings.Contains(fmt.Sprint(err), tc.says) || fault.HintOf(err) == "" {
				t.Errorf("code %d, %v (hint %q)", fault.CodeOf(err), err, fault.HintOf(err))
			}
		})
	}
}

func openError(s dl.Search, index int) error {
	d, err := cuda.Open(s, index, cuda.Options{})
	if err == nil {
		d.Close()
	}
	return err
}
