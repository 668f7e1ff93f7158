package kernels_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/sdk/expr"
)

// differentiate compiles a cost with its gradients.
func differentiate(t *testing.T, name string, precision engine.Precision, build enginetest.Graph) *computation {
	t.Helper()
	b := expr.New()
	cost, wrt := build(b)
	grads, err := b.Grad(cost, wrt...)
	if err != nil {
		t.Fatal(err)
	}
	outputs := []expr.Tensor{cost}
	for _, g := range grads {
		if g.Node() != nil {
			outputs = append(outputs, g)
		}
	}
	plan, err := engine.CompileFor(precision, outputs...)
	if err != nil {
		t.Fatal(err)
	}
	return newComputation(t, fmt.Sprint(name, " ", precision), plan, b.Inputs(), outputs, enginetest.Draw(b.Inputs()))
}

// updated compiles a random graph with updates of its inputs, as an optimiser's step has them, besides outputs. The updates' values
// are outputs of the graph that is compared with, which has none.
func updated(t *testing.T, seed uint64) *computation {
	t.Helper()
	b := expr.New()
	cost, inputs := random(seed)(b)
	grads, err := b.Grad(cost, inputs...)
	if err != nil {
		t.Fatal(err)
	}
	outputs := []expr.Tensor{cost}
	var updates []engine.Update
	for i, g := range grads {
		if g.Node() != nil {
			v := b.Input(fmt.Sprint("v", i), g.Shape()...)
			moved := v.Scale(0.9).Add(g.Add(inputs[i].Scale(0.01)))
			updates = append(updates, engine.Update{Input: v, Value: moved}, engine.Update{Input: inputs[i], Value: inputs[i].Sub(moved.Scale(0.1))})
		}
	}
	plan, err := engine.CompileStep(engine.FP32, outputs, updates)
	if err != nil {
		t.Fatal(err)
	}
	c := newComputation(t, fmt.Sprint("random updates ", seed), plan, b.Inputs(), outputs, enginetest.Draw(b.Inputs()))
	for _, u := range plan.Updates {
		c.updates = append(c.updates, u.Of.Value)
	}
	return c
}

// deviation is how far gradients of a network whose activations are stored in bf16 may be from float32: package enginetest says why.
const deviation = 0.15

// TestGraphs computes networks in small with their gradients, in groups as a device does, and compares with the TapeMachine.
func TestGraphs(t *testing.T) {
	var all []*computation
	for _, name := range slices.Sorted(maps.Keys(enginetest.Graphs())) { // in order: the fake compiler keeps what it made of a text
		all = append(all, differentiate(t, name, engine.FP32, enginetest.Graphs()[name]))
	}
	all = append(all, differentiate(t, "residual network", engine.BF16, enginetest.Graphs()["residual network"]))
	for seed := range uint64(8) {
		all = append(all, differentiate(t, fmt.Sprint("random ", seed), engine.FP32, random(seed)), updated(t, seed+100))
	}
	m := newMachine(t, all...)
	for _, c := range all { // no subtests: they would run on threads that have no context
		want := enginetest.Run(t, tape.Device{}, slices.Concat(c.outputs, c.updates), c.inputs, c.values)
		got := m.run(c)
		compare(t, c, got, want)
		if again := m.run(c); fmt.Sprint(again) != fmt.Sprint(got) {
			t.Errorf("%s: a second run gives other bits", c.name)
		}
	}
}

func compare(t *testing.T, c *computation, got, want [][]float32) {
	t.Helper()
	// An output in which everything cancels keeps the rounding of what it was made of.
	floor := 1e-3 * max(1, enginetest.Magnitude(slices.Concat(want...)))
	narrow := slices.ContainsFunc(c.plan.Values, func(v engine.Value) bool { return v.Type == engine.BFloat16 })
	for i := range want {
		size := enginetest.Magnitude(want[i])
		off := enginetest.Distance(got[i], want[i]) * size / max(size, floor)
		limit := 1e-4
		if narrow {
			off, limit = enginetest.Deviation(got[i], want[i]), deviation
		}
		if !(off <= limit) {
			t.Errorf("%s: output %d is off by %.2g\n%v\ngroups %v", c.name, i, off, c.plan, c.groups)
		}
	}
}

// random draws a graph of elementwise ops, broadcasts, sums and products with shared values, which meets fusion and the memory
// plan in ways that no network does.
func random(seed uint64) enginetest.Graph {
	return func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
		r := rand.New(rand.NewPCG(seed, 0))
		rows, cols := 1+r.IntN(9), 1+r.IntN(70)
		pile := []expr.Tensor{b.Input("a", rows, cols), b.Input("b", rows, cols), b.Input("row", cols), b.Input("col", rows, 1), b.Input("s")}
		full := slices.Clone(pile[:2])
		for range 2 + r.IntN(20) {
			x, y, m := pile[r.IntN(len(pile))], pile[r.IntN(len(pile))], full[r.IntN(len(full))]
			var z expr.Tensor
			switch r.IntN(13) {
			case 0:
				z = x.Add(y)
			case 1:
				z = x.Sub(y).Scale(0.5)
			case 2:
				z = x.Mul(y).Scale(0.5)
			case 3:
				z = x.Div(y.Square().Shift(1))
			case 4:
				z = x.ReLU().Shift(-0.25)
			case 5:
				z = x.Square().Shift(0.5).Sqrt()
			case 6:
				z = x.Abs().Affine(-0.5, 1).Mean()
			case 7:
				z = m.Mul(x).Mean(0)
			case 8:
				z = m.Sub(y).Square().Scale(0.1).SumKeep(1).Scale(1 / float64(cols))
			case 9:
				z = m.Softmax().MatMulT(m).MatMul(m).Scale(0.1)
			case 10:
				z = x.StopGradient().Add(x)
			case 11:
				z = m.Slice(0, 0, (rows+1)/2).Sum(0)
			case 12:
				z = m.Slice(1, cols/2, cols).Abs().SumKeep(1)
			}
			pile = append(pile, z)
			if s := z.Shape(); len(s) == 2 && s[0] == rows && s[1] == cols {
				full = append(full, z)
			}
		}
		cost := pile[len(pile)-1].Sum()
		for _, z := range pile[max(0, len(pile)-4):] {
			cost = cost.Add(z.Square().Mean())
		}
		return cost, b.Inputs()
	}
}
