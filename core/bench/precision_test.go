package bench

import (
	"math"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
)

// What testdata/bf16_error.py prints of PyTorch: how far its bf16 is from its float32 on the same network.
const (
	torchGradientError = 0.188 // the least of three
	torchLossError     = 6e-4  // the greatest
)

// TestBF16 trains the demo's network with activations stored in bfloat16, and demands that gradients are nearer to float32's
// than PyTorch's are, and that the loss keeps to its course as well.
func TestBF16(t *testing.T) {
	floats, dots := newPool(t, 2), newPool(t, 2, kernel.WithDots(kernel.Everywhere))
	losses, gradient := course(t, floats, engine.FP32)
	losses16 := keepsCourse(t, floats, losses, gradient)
	if dots.DotRate() == 0 {
		t.Log("this CPU does not multiply in bfloat16: the kernels' tests do so in Go")
		return
	}
	if by := keepsCourse(t, dots, losses, gradient); by[0] == losses16[0] {
		t.Error("the losses are the same: nothing was multiplied in bfloat16")
	}
}

// keepsCourse compares a training in bfloat16 with that in float32.
func keepsCourse(t *testing.T, pool *kernel.Pool, losses []float64, gradient []float32) (losses16 []float64) {
	t.Helper()
	losses16, gradient16 := course(t, pool, engine.BF16)
	var difference, size, worst float64
	for i, g := range gradient {
		d := float64(gradient16[i] - g)
		difference += d * d
		size += float64(g) * float64(g)
	}
	for i, l := range losses {
		worst = max(worst, math.Abs(losses16[i]-l)/l)
	}
	t.Logf("gradients are off by %.3f, the loss by %.1e; it falls from %.4g to %.4g", math.Sqrt(difference/size), worst, losses[0], losses[len(losses)-1])
	if !(math.Sqrt(difference/size) < torchGradientError) || !(worst < torchLossError) {
		t.Errorf("gradients are off by %.3f, the loss by %.1e", math.Sqrt(difference/size), worst)
	}
	if losses16[0] == losses[0] {
		t.Error("the losses are the same: nothing was stored in bfloat16")
	}
	return losses16
}

// course is the loss of twenty steps on the same images, and the gradients of the first.
func course(t *testing.T, pool *kernel.Pool, precision engine.Precision) (losses []float64, gradient []float32) {
	t.Helper()
	s, err := buildStep(t.Context(), pool, StepOptions{Net: "tiny", Batch: 32, Precision: precision, Steps: 1, Trace: traced})
	if err != nil {
		t.Fatal(err)
	}
	s.watched = true
	if err := s.compile(); err != nil {
		t.Fatal(err)
	}
	if err := s.load(); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := s.exe.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if gradient == nil {
			for _, p := range s.model.Params {
				gradient = append(gradient, s.exe.Read(p.Grad)...)
			}
		}
		losses = append(losses, float64(s.exe.Read(s.model.Loss)[0]))
		s.opt.Step(pool, stepLR)
	}
	return losses, gradient
}
