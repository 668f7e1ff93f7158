package engine_test

import (
	"context"
	"math"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/sdk/expr"
)

// TestBindAnew binds an input to other memory between runs, which kernels that were recorded before must see, also where
// they read it as a view; and writes to memory that stays bound.
func TestBindAnew(t *testing.T) {
	b := expr.New()
	x, w := b.Input("x", 4, 6), b.Input("w", 3, 6)
	product := x.MatMulT(w)
	view := x.Reshape(2, 12).Square().Sum()
	outputs := []expr.Tensor{product, view, x.ReLU()}
	plan, err := engine.Compile(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	pool := kernel.NewPool(2)
	defer pool.Close()
	exe, err := cpu.New(pool).Load(plan)
	if err != nil {
		t.Fatal(err)
	}
	weights := draw([]expr.Tensor{w})[0]
	buffers := [][]float32{draw([]expr.Tensor{x})[0], make([]float32, 24)}
	for i := range buffers[1] {
		buffers[1][i] = float32(math.Sin(float64(i)))
	}
	if err := exe.Bind(w, weights); err != nil {
		t.Fatal(err)
	}
	for round := range 5 {
		data := buffers[round%2]
		data[7] += 1
		if err := exe.Bind(x, data); err != nil {
			t.Fatal(err)
		}
		if err := exe.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		want := run(t, tape.Device{}, outputs, []expr.Tensor{x, w}, [][]float32{data, weights})
		for i, o := range outputs {
			if d := distance(exe.Read(o), want[i]); d > 1e-5 {
				t.Errorf("round %d: output %d differs from the TapeMachine by %.2g relative", round, i, d)
			}
		}
	}
}
