package gpucheck

import (
	"context"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/sslctl/sslctl/core/bench"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/cuda"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/internal/cuda/devicetest"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/method"
)

// open takes the first GPU. A machine without one is told that nothing was checked; one on which a check was demanded fails.
func open(t *testing.T, o cuda.Options) *cuda.Device {
	t.Helper()
	d, err := cuda.Open(dl.Default(), 0, o)
	var missing *dl.MissingLibrary
	if errors.As(err, &missing) && os.Getenv(devicetest.Variable) == "" {
		t.Skipf("CUDA IS NOT TESTED on a GPU: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// TestMachine says on what the checks run. Without its libraries a GPU computes, but not as fast as it can.
func TestMachine(t *testing.T) {
	d := open(t, cuda.Options{})
	i := d.Info()
	t.Logf("%s, compute capability %d.%d, %.1f GiB, %d multiprocessors", i.Name, i.Major, i.Minor, float64(i.Memory)/(1<<30), i.SMs)
	for _, note := range d.Notes() {
		t.Errorf("not used: %v", note)
	}
}

// TestConform holds the GPU to the engine's contract: graphs, every op, updates, custom ops; and its replayed launches to the bits
// of the first run's.
func TestConform(t *testing.T) { enginetest.Conform(t, open(t, cuda.Options{})) }

// TestBF16 holds it to the results of float32 where activations are stored in bfloat16.
func TestBF16(t *testing.T) {
	enginetest.BF16(t, open(t, cuda.Options{TF32: true}), enginetest.MultipliedInBF16)
}

// traced asks VICReg itself, in this process.
func traced(_ context.Context, expander []int, s method.Shapes) (*method.Traced, error) {
	return method.Trace(vicreg.Method{}, map[string]any{"projector": expander}, s)
}

// TestSteps trains a small ResNet on the GPU and on the CPU: the losses on the way agree, to rounding in float32, and within a
// hundredth with bfloat16 and TF32.
func TestSteps(t *testing.T) {
	strict, fast := open(t, cuda.Options{}), open(t, cuda.Options{TF32: true})
	pool := kernel.NewPool(2)
	defer pool.Close()
	for _, steps := range []int{1, 3, 9} {
		o := bench.StepOptions{Net: "tiny", Batch: 16, Steps: steps, Trace: traced}
		want, err := bench.TimeStep(t.Context(), pool, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			name      string
			device    *cuda.Device
			precision engine.Precision
			tolerance float64
		}{{"fp32", strict, engine.FP32, 1e-4}, {"tf32", fast, engine.FP32, 1e-2}, {"bf16", fast, engine.BF16, 1e-2}} {
			o.Precision = test.precision
			got, err := bench.TimeStepOn(t.Context(), test.device, o)
			if err != nil {
				t.Fatal(err)
			}
			off := math.Abs(got.Loss/want.Loss - 1)
			t.Logf("%s: loss %.6g before step %d, the CPU's %.6g", test.name, got.Loss, steps, want.Loss)
			if !(off <= test.tolerance) {
				t.Errorf("%s: the loss before step %d is off by %.2g, more than %g", test.name, steps, off, test.tolerance)
			}
		}
	}
}
