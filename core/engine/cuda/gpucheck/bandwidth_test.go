package gpucheck

import (
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/sdk/expr"
)

// images is how many images of 56 x 56 pixels and 256 channels, those of ResNet-50's first stage, the kernels pass over. The
// variable makes them fewer, to try the test where there is no GPU.
func images(t *testing.T) int {
	text := os.Getenv("SSLCTL_TEST_IMAGES")
	if text == "" {
		return 256
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestBandwidth measures the kernels that are bound by memory: each against a copy, for which nothing is to be computed.
func TestBandwidth(t *testing.T) {
	d := open(t, cuda.Options{})
	a := expr.Attrs{Groups: 2, Eps: 1e-5}
	kernels := []struct {
		name  string
		build func(b *expr.Builder, x, y expr.Tensor) expr.Tensor
	}{
		{"copy", func(b *expr.Builder, x, _ expr.Tensor) expr.Tensor { return x.Scale(2) }},
		{"chain of two images", func(b *expr.Builder, x, y expr.Tensor) expr.Tensor { return x.Add(y).ReLU() }},
		{"statistics of batch norm", func(b *expr.Builder, x, _ expr.Tensor) expr.Tensor { return b.Apply(expr.BNStats, a, x) }},
		{"batch norm and ReLU", func(b *expr.Builder, x, _ expr.Tensor) expr.Tensor {
			return b.Apply(expr.BNApply, a, x, b.Input("stats", 2, 2, 256)).ReLU()
		}},
		{"sums of batch norm's gradient", func(b *expr.Builder, x, y expr.Tensor) expr.Tensor {
			return b.Apply(expr.BNReduce, a, y, x, b.Input("stats", 2, 2, 256))
		}},
		{"gradient of batch norm", func(b *expr.Builder, x, y expr.Tensor) expr.Tensor {
			return b.Apply(expr.BNGrad, a, y, x, b.Input("stats", 2, 2, 256), b.Input("reduced", 2, 2, 256))
		}},
		{"pooling", func(b *expr.Builder, x, _ expr.Tensor) expr.Tensor { return x.MaxPool(3, 2, 1) }},
		{"sum of rows", func(b *expr.Builder, x, _ expr.Tensor) expr.Tensor { return x.Sum(3) }},
		{"sum of columns", func(b *expr.Builder, x, _ expr.Tensor) expr.Tensor { return x.Sum(0, 1, 2) }},
	}
	var copied float64
	for _, k := range kernels {
		t.Run(k.name, func(t *testing.T) {
			b := expr.New()
			shape := []int{images(t), 56, 56, 256}
			rate := bandwidth(t, d, b, k.build(b, b.Input("x", shape...), b.Input("y", shape...)))
			if copied == 0 {
				copied = rate
			}
			t.Logf("%.0f GB/s, %.0f %% of a copy", rate/1e9, 100*rate/copied)
		})
	}
}

// bandwidth is how many bytes a second an expression's plan moves, each operand and result counted once.
func bandwidth(t *testing.T, d *cuda.Device, b *expr.Builder, y expr.Tensor) float64 {
	t.Helper()
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	exe, plan := enginetest.Load(t, d, []expr.Tensor{y}, nil)
	for _, in := range b.Inputs() {
		if _, read := plan.Find(in); !read {
			continue
		}
		data := make([]float32, in.Shape().TotalSize())
		for i := range data {
			data[i] = float32(i%7) + 1
		}
		if err := exe.Hold(in, data); err != nil {
			t.Fatal(err)
		}
	}
	const warm, runs = 3, 20
	var start time.Time
	for i := range warm + runs {
		if i == warm {
			start = time.Now()
		}
		if err := exe.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(start).Seconds() / runs
	return bytesOf(plan) / took
}

func bytesOf(p *engine.Plan) float64 {
	var sum float64
	for _, in := range p.Instrs {
		sum += p.Cost(in).Bytes
	}
	return sum
}
