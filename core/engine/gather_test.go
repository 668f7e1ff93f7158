package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/sdk/expr"
)

// learner is two layers with batch norm whose scales, weights and running means are updated.
func learner() (b *expr.Builder, updates []engine.Update) {
	b = expr.New()
	x := b.Input("x", 12, 6)
	var params []expr.Tensor
	param := func(name string, shape ...int) expr.Tensor {
		params = append(params, b.Input(name, shape...))
		return params[len(params)-1]
	}
	for i := range 2 {
		x = x.MatMulT(param(fmt.Sprint("w", i), 6, 6))
		stats := b.Apply(expr.BNStats, expr.Attrs{Groups: 2}, x)
		x = b.Apply(expr.BNApply, expr.Attrs{Groups: 2, Eps: 1e-5}, x, stats, param(fmt.Sprint("scale", i), 6), param(fmt.Sprint("shift", i), 6)).ReLU()
		mean := b.Input(fmt.Sprint("mean", i), 6)
		updates = append(updates, engine.Update{Input: mean, Value: mean.Scale(0.9).Add(stats.Slice(0, 1, 2).Slice(1, 0, 1).Reshape(6).Scale(0.1))})
	}
	grads, err := b.Grad(x.Square().Sum(), params...)
	if err != nil {
		panic(err)
	}
	for i, p := range params {
		v := b.Input(fmt.Sprint("v", i), p.Shape()...)
		moved := v.Scale(0.9).Add(grads[i].Add(p.Scale(0.01))) // reads p, which is then written over
		updates = append(updates, engine.Update{Input: v, Value: moved}, engine.Update{Input: p, Value: p.Sub(moved.Scale(0.1))})
	}
	return b, updates
}

// TestGather: testdata shows what only updates need at the end, side by side by form and in memory of its own, and the updates
// in place; the numbers are those of the graph without updates.
func TestGather(t *testing.T) {
	b, updates := learner()
	pool := kernel.NewPool(2)
	defer pool.Close()
	exe, plan := enginetest.Load(t, cpu.New(pool), nil, updates)
	goldenPlan(t, "updates", plan)
	inputs := b.Inputs()
	values := enginetest.Draw(inputs)
	for i, in := range inputs {
		if err := exe.Hold(in, slices.Clone(values[i])); err != nil {
			t.Fatal(err)
		}
	}
	if err := exe.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wanted []expr.Tensor
	for _, u := range updates {
		wanted = append(wanted, u.Value)
	}
	want := enginetest.Run(t, tape.Device{}, wanted, inputs, values)
	for i, u := range updates {
		if d := enginetest.Distance(exe.Read(u.Input), want[i]); d > enginetest.Tolerance {
			t.Errorf("update %d differs by %.2g", i, d)
		}
	}
}
