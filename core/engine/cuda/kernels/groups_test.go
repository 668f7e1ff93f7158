package kernels_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/sdk/expr"
)

// momentum is a plan that updates parameters of several sizes by SGD with momentum, in place.
func momentum(t *testing.T) *computation {
	t.Helper()
	b := expr.New()
	rate := b.Input("rate")
	var updates []engine.Update
	for i, n := range []int{1, 5, 300, 8192, 20001} {
		p, v, g := b.Input(fmt.Sprint("p", i), n), b.Input(fmt.Sprint("v", i), n), b.Input(fmt.Sprint("g", i), n)
		moved := v.Scale(0.9).Add(g.Add(p.Scale(0.01)))
		updates = append(updates, engine.Update{Input: v, Value: moved}, engine.Update{Input: p, Value: p.Sub(moved.Mul(rate))})
	}
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	plan, err := engine.CompileStep(engine.FP32, nil, updates)
	if err != nil {
		t.Fatal(err)
	}
	return newComputation(t, "momentum", plan, b.Inputs(), nil, enginetest.Draw(b.Inputs()))
}

// TestManyTensors: the updates of all parameters take a launch a form, and give the bits that single launches give.
func TestManyTensors(t *testing.T) {
	together := momentum(t)
	alone := *together
	alone.groups = nil
	for i := range together.plan.Instrs {
		alone.groups = append(alone.groups, []int{i})
	}
	alone.lowered = lower(t, alone.plan, alone.groups)
	if n := len(together.groups); n != 2 {
		t.Errorf("%d launches for two forms of update\n%v\ngroups %v", n, together.plan, together.groups)
	}
	m := newMachine(t, together, &alone)
	got, want := m.run(together), m.run(&alone)
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("update %d has other bits in a launch with others", i)
		}
	}
	b := together.values
	for i, v := range want[0] { // v0 of parameter 0: against the formula
		if p := float32(0.9*float64(b[2][i]) + float64(b[3][i]) + 0.01*float64(b[1][i])); v-p > 1e-6 || p-v > 1e-6 {
			t.Errorf("update is %v, want %v", v, p)
		}
	}
}

// TestGroups: what runs together, and what must not.
func TestGroups(t *testing.T) {
	tests := []struct {
		name  string
		build func(b *expr.Builder) []expr.Tensor
		other expr.Kind // computed elsewhere
		want  string
	}{
		{"a chain and the sum of it", func(b *expr.Builder) []expr.Tensor {
			x, y := b.Input("x", 5, 8), b.Input("y", 5, 8)
			return []expr.Tensor{x.Sub(y).Square().Sum()}
		}, "", "[[fused sum]]"},
		{"a chain that is wanted itself", func(b *expr.Builder) []expr.Tensor {
			d := b.Input("x", 5, 8).Square()
			return []expr.Tensor{d, d.Sum()}
		}, "", "[[fused] [sum]]"},
		{"a chain with a row, summed whole and down its columns", func(b *expr.Builder) []expr.Tensor {
			x, row := b.Input("x", 5, 8), b.Input("row", 8)
			return []expr.Tensor{x.Sub(row).Square().Sum(), x.Add(row).Abs().Sum(0)}
		}, "", "[[fused sum] [fused sum]]"},
		{"a chain with a column over three axes, summed over the first two", func(b *expr.Builder) []expr.Tensor {
			return []expr.Tensor{b.Input("x", 3, 4, 5).Mul(b.Input("col", 3, 4, 1)).Sum(0, 1)}
		}, "", "[[fused sum]]"},
		{"a chain with a row over three axes, summed over the last two", func(b *expr.Builder) []expr.Tensor {
			return []expr.Tensor{b.Input("x", 3, 4, 5).Mul(b.Input("row", 5)).Sum(1, 2)}
		}, "", "[[fused] [sum]]"},
		{"chains of one form", func(b *expr.Builder) []expr.Tensor {
			x, y := b.Input("x", 5), b.Input("y", 7, 2)
			return []expr.Tensor{x.Exp(), y.MatMulT(y), y.Exp()}
		}, "", "[[fused fused] [matmul]]"},
		{"chains of which one needs the other", func(b *expr.Builder) []expr.Tensor {
			x := b.Input("x", 5).Exp()
			return []expr.Tensor{x, x.Exp()}
		}, "", "[[fused] [fused]]"},
		{"chains with different constants", func(b *expr.Builder) []expr.Tensor {
			return []expr.Tensor{b.Input("x", 5).Scale(2), b.Input("y", 5).Scale(3)}
		}, "", "[[fused] [fused]]"},
		{"a chain that something else computes", func(b *expr.Builder) []expr.Tensor {
			return []expr.Tensor{b.Input("x", 5).Exp().Sum(), b.Input("y", 5).Exp(), b.Input("z", 5).Exp()}
		}, engine.Fused, "[[fused] [sum] [fused] [fused]]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := expr.New()
			plan, err := engine.Compile(test.build(b)...)
			if err != nil {
				t.Fatal(err, b.Err())
			}
			var groups []string
			for _, g := range kernels.Groups(plan, func(i int) bool { return plan.Instrs[i].Kind == test.other }) {
				var kinds []string
				for _, i := range g {
					kinds = append(kinds, string(plan.Instrs[i].Kind))
				}
				groups = append(groups, "["+strings.Join(kinds, " ")+"]")
			}
			if got := "[" + strings.Join(groups, " ") + "]"; got != test.want {
				t.Errorf("groups are %s, want %s\n%v", got, test.want, plan)
			}
		})
	}
}
