package enginetest

import (
	"math"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/sdk/expr"
)

// How far the results of a network whose activations are stored in bfloat16 may be from float32, as [Deviation]. Gradients are
// differences of larger numbers, and near zero ReLU's and max pooling's go another way: PyTorch with the same roundings is off
// by up to 0.11. Devices that multiply in bfloat16 round weights and their gradients too.
const (
	valueTolerance   = 0.01
	StoredInBF16     = 0.15 // for gradients
	MultipliedInBF16 = 0.25 // likewise
)

// BF16 compares a network whose activations are stored in bfloat16 with the TapeMachine's float32, and returns its results.
// Gradients may deviate by tolerance.
func BF16(t *testing.T, d engine.Device, tolerance float64) [][]float32 {
	t.Helper()
	b := expr.New()
	outputs, wrt := images(b)
	cost := outputs[len(outputs)-1]
	grads, err := b.Grad(cost, wrt...)
	if err != nil {
		t.Fatal(err)
	}
	forward := len(outputs)
	outputs = append(outputs, grads...)
	values := Draw(b.Inputs())
	want := Run(t, tape.Device{}, outputs, b.Inputs(), values)
	plan, err := engine.CompileFor(engine.BF16, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	got := repeat(t, d, load(t, d, plan), plan, outputs, b.Inputs(), values)
	for i := range got {
		limit := tolerance
		if i < forward {
			limit = valueTolerance
		}
		if off := Deviation(got[i], want[i]); !(off <= limit) {
			t.Errorf("output %d is off by %.2g, more than %v", i, off, limit)
		}
	}
	return got
}

// images is a network with the kinds of layers of a ResNet and as many channels as vector kernels like: Winograd's method,
// pointwise and strided convolutions, an activation without batch norm, and one that is an output too. The last output is the
// cost.
func images(b *expr.Builder) (outputs, wrt []expr.Tensor) {
	x := b.Input("x", 8, 9, 9, 3)
	param := func(name string, shape ...int) expr.Tensor {
		t := b.Input(name, shape...)
		wrt = append(wrt, t)
		return t.Scale(0.1)
	}
	bn := func(x expr.Tensor) expr.Tensor {
		stats := b.Apply(expr.BNStats, expr.Attrs{Groups: 2}, x)
		return b.Apply(expr.BNApply, expr.Attrs{Groups: 2, Eps: 1e-5}, x, stats)
	}
	stem := bn(x.Conv2D(param("stem", 3, 3, 3, 32), 1, 1)).ReLU()
	pooled := stem.MaxPool(3, 2, 1)
	inner := bn(pooled.Conv2D(param("wide", 3, 3, 32, 48), 1, 1)).ReLU()
	out := bn(inner.Conv2D(param("point", 1, 1, 48, 64), 1, 0))
	block := bn(pooled.Conv2D(param("down", 1, 1, 32, 64), 1, 0)).Add(out).ReLU()
	half := bn(block.Conv2D(param("stride", 3, 3, 64, 17), 2, 1))
	bare := half.Conv2D(param("bare", 3, 3, 17, 32), 1, 1).ReLU()
	y := bare.AvgPool(1, 1).Reshape(8, 32)
	return []expr.Tensor{inner, y, y.Square().Mean().Add(half.Square().Square().Mean())}, wrt
}

// Deviation is the root mean square of the difference relative to that of b.
func Deviation(a, b []float32) float64 {
	var diff, size float64
	for i := range b {
		d := float64(a[i] - b[i])
		diff += d * d
		size += float64(b[i]) * float64(b[i])
	}
	return math.Sqrt(diff / size)
}
