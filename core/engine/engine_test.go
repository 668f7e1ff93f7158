package engine_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/sdk/expr"
)

// graphs are networks in small that between them use every op, with the tensors to compare.
var graphs = map[string]func(b *expr.Builder) (cost expr.Tensor, wrt []expr.Tensor){
	"variance and covariance": func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
		z, w := b.Input("z", 17, 11), b.Input("w", 17, 11)
		std := z.Var(1).Shift(1e-4).Sqrt()
		c := z.Sub(z.MeanKeep(0))
		cov := c.TMatMul(c).Scale(1. / 16).OffDiagonal().Square().Sum().Scale(1. / 11)
		return z.MSE(w).Scale(25).Add(std.Affine(-1, 1).ReLU().Mean().Scale(25)).Add(cov), []expr.Tensor{z, w}
	},
	"wide covariance": func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
		z, w := b.Input("z", 5, 37), b.Input("w", 5, 37)
		c := z.Sub(z.MeanKeep(0))
		cov := c.TMatMul(c).Scale(1. / 4).OffDiagonal().Square().Sum().Scale(1. / 37)
		x := z.TMatMul(w).Scale(1. / 5)
		cross := x.Diagonal().Shift(-1).Square().Sum().Add(x.OffDiagonal().Square().Sum().Scale(0.005))
		turned := z.TMatMul(w).Transpose().Square().Sum().Sqrt()
		return cov.Add(cross).Add(turned), []expr.Tensor{z, w}
	},
	"wide matrices that are wanted themselves": func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
		z, w := b.Input("z", 3, 29), b.Input("w", 3, 29)
		c := z.TMatMul(w)
		return c.OffDiagonal().Square().Sum().Add(c.Abs().Mean()).Add(z.TMatMul(z).Square().Sum(0).Sqrt().Sum()), []expr.Tensor{z, w}
	},
	"cosine with stopped gradient": func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
		p, z := b.Input("p", 9, 33), b.Input("z", 9, 33)
		return p.Cosine(z.StopGradient()).Mean().Scale(-1).Add(z.Abs().Mean()), []expr.Tensor{p, z}
	},
	"contrastive": func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
		z, w := b.Input("z", 8, 5), b.Input("w", 8, 5)
		logits := z.L2Normalise().MatMulT(w.L2Normalise()).Scale(10)
		soft := logits.Softmax().Log().Diagonal().Mean()
		return logits.LogSoftmax().Diagonal().Mean().Scale(-1).Add(soft.Exp()), []expr.Tensor{z, w}
	},
	"shapes": func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
		x, y, v := b.Input("x", 6, 7), b.Input("y", 6, 7), b.Input("v", 6, 1)
		j := expr.Join(1, x.Transpose().Transpose(), y.Slice(1, 1, 4))
		g := j.Gather(0, 5, 0, 2).Reshape(2, 2, 10).Sum(0, 2)
		return g.Square().Sum().Add(x.Mul(v).Div(y.Square().Shift(1)).Reciprocal().Shift(3).Square().Mean()), []expr.Tensor{x, y, v}
	},
	"residual network": func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
		x := b.Input("x", 12, 9, 7, 3)
		var wrt []expr.Tensor
		param := func(name string, shape ...int) expr.Tensor {
			t := b.Input(name, shape...)
			wrt = append(wrt, t)
			return t
		}
		bn := func(name string, x expr.Tensor) expr.Tensor {
			c := x.Shape()[len(x.Shape())-1]
			a := expr.Attrs{Groups: 2, Eps: 1e-5}
			return b.Apply(expr.BNApply, a, x, b.Apply(expr.BNStats, expr.Attrs{Groups: 2}, x), param(name+".weight", c), param(name+".bias", c))
		}
		stem := bn("bn1", x.Conv2D(param("conv1", 3, 3, 3, 8), 1, 1)).ReLU().MaxPool(3, 2, 1)
		inner := bn("bn2", stem.Conv2D(param("conv2", 3, 3, 8, 10), 2, 1)).ReLU()
		short := bn("bn3", stem.Conv2D(param("down", 1, 1, 8, 10), 2, 0))
		block := bn("bn4", inner.Conv2D(param("conv3", 3, 3, 10, 10), 1, 1)).Add(short).ReLU()
		again := bn("bn5", block.Conv2D(param("conv4", 3, 3, 10, 10), 1, 1)).Add(block).ReLU()
		y := again.AvgPool(2, 2).Reshape(12, 40)
		h := bn("bn6", y.MatMulT(param("fc1", 13, 40))).ReLU()
		z := h.MatMulT(param("fc2", 6, 13)).Add(param("fc2.bias", 6).ReLU())
		stats := b.Apply(expr.BNStats, expr.Attrs{Groups: 2}, z)
		plain := b.Apply(expr.BNApply, expr.Attrs{Groups: 2, Eps: 1e-5}, z, stats)
		return plain.Slice(0, 0, 6).MSE(z.Slice(0, 6, 12)), wrt
	},
}

// TestDevices runs every graph with its gradients on the CPU, on every instruction set and with 1, 2 and 5 threads, and
// compares with Gorgonia's TapeMachine; the CPU's results must be equal to the bit whatever the number of threads.
func TestDevices(t *testing.T) {
	for name, build := range graphs {
		t.Run(name, func(t *testing.T) {
			b := expr.New()
			cost, wrt := build(b)
			if b.Err() != nil {
				t.Fatal(b.Err())
			}
			grads, err := b.Grad(cost, wrt...)
			if err != nil {
				t.Fatal(err)
			}
			outputs := append([]expr.Tensor{cost}, grads...)
			values := draw(b.Inputs())
			want := run(t, tape.Device{}, outputs, b.Inputs(), values)
			for _, isa := range kernel.ISAs() {
				var first [][]float32
				for _, threads := range []int{1, 2, 5} {
					pool := kernel.NewPool(threads, kernel.WithISA(isa))
					got := run(t, cpu.New(pool), outputs, b.Inputs(), values)
					pool.Close()
					if first == nil {
						first = got
						for i := range got {
							if d := distance(got[i], want[i]); d > 2e-5 {
								t.Errorf("%v: output %d differs from the TapeMachine by %.2g relative", isa, i, d)
							}
						}
					}
					if fmt.Sprint(got) != fmt.Sprint(first) {
						t.Errorf("%v: %d threads give other bits than one", isa, threads)
					}
				}
			}
		})
	}
}

func draw(inputs []expr.Tensor) [][]float32 {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([][]float32, len(inputs))
	for i, t := range inputs {
		values[i] = make([]float32, t.Shape().TotalSize())
		for j := range values[i] {
			values[i][j] = float32(r.NormFloat64())
		}
	}
	return values
}

func run(t *testing.T, d engine.Device, outputs, inputs []expr.Tensor, values [][]float32) [][]float32 {
	t.Helper()
	plan, err := engine.Compile(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := d.Load(plan)
	if err != nil {
		t.Fatalf("%v\n%v", err, plan)
	}
	for i, in := range inputs {
		if _, needed := plan.Find(in); !needed {
			continue
		}
		if err := exe.Bind(in, values[i]); err != nil {
			t.Fatal(err)
		}
	}
	// Twice: a second run must not see what the first left behind.
	for range 2 {
		if err := exe.Run(context.Background()); err != nil {
			t.Fatalf("%s: %v", d.Name(), err)
		}
	}
	got := make([][]float32, len(outputs))
	for i, o := range outputs {
		got[i] = append([]float32(nil), exe.Read(o)...)
	}
	return got
}

// distance is the largest difference relative to the largest magnitude.
func distance(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	var diff float64
	for i := range a {
		if math.IsNaN(float64(a[i])) {
			return math.Inf(1)
		}
		diff = max(diff, math.Abs(float64(a[i]-b[i])))
	}
	return diff / magnitude(b)
}

// magnitude is the largest magnitude, or something near zero where there is none.
func magnitude(x []float32) float64 {
	scale := 1e-30
	for _, v := range x {
		scale = max(scale, math.Abs(float64(v)))
	}
	return scale
}
