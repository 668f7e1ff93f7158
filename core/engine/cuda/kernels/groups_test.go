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
	stats := b.Input("stats", 2, 2, 5)
	for i := range 2 {
		mean := b.Input(fmt.Sprint("mean", i), 5)
		updates = append(updates, engine.Update{Input: mean, Value: mean.Scale(0.9).Add(stats.Slice(1, i, i+1).Sum(0, 1).Scale(0.1))})
	}
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
	if n := len(together.groups); n != 5 { // slices, sums and chains of the means; momentum and step
		t.Errorf("%d launches\n%v\ngroups %v", n, together.plan, together.groups)
	}
	m := newMachine(t, together, &alone)
	got, want := m.run(together), m.run(&alone)
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("update %d has other bits in a launch with others", i)
		}
	}
	values := map[string][]float32{}
	for i, in := range together.inputs {
		values[in.Node().Name()] = together.values[i]
	}
	for i, u := range together.plan.Updates {
		if together.plan.Values[u.Input].Input != "v2" {
			continue
		}
		for j, v := range got[i] { // against the formula
			if p := 0.9*values["v2"][j] + values["g2"][j] + 0.01*values["p2"][j]; v-p > 1e-6 || p-v > 1e-6 {
				t.Fatalf("momentum %d is %v, want %v", j, v, p)
			}
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
		{"slices and short sums of many tensors", func(b *expr.Builder) []expr.Tensor {
			x, y := b.Input("x", 2, 3, 5), b.Input("y", 4, 7)
			return []expr.Tensor{x.Slice(1, 1, 3), x.Sum(0), y.Slice(0, 2, 3), y.Sum(1)}
		}, "", "[[slice slice] [sum sum]]"},
		{"short sums of chains", func(b *expr.Builder) []expr.Tensor {
			return []expr.Tensor{b.Input("x", 4, 2).Exp().Sum(0), b.Input("y", 4, 3).Exp().Sum(0)}
		}, "", "[[fused sum] [fused sum]]"},
		{"long sums", func(b *expr.Builder) []expr.Tensor {
			return []expr.Tensor{b.Input("x", 300).Sum(), b.Input("y", 300).Sum()}
		}, "", "[[sum] [sum]]"},
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
