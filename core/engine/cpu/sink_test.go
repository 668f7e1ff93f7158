package cpu

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/sdk/expr"
)

// sinkRate is a power of two: products by it do not round, whether or not they are joined with a subtraction.
const sinkRate = 1.0 / 1024

// sinkGraphs are graphs whose parameters move along their gradients.
func sinkGraphs() map[string]enginetest.Graph {
	graphs := maps.Clone(enginetest.Graphs())
	graphs["gradients of each other's inputs"] = func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
		p, q := b.Input("p", 7), b.Input("q", 7)
		return p.Mul(q).Sum(), []expr.Tensor{p, q}
	}
	graphs["large layers"] = func(b *expr.Builder) (expr.Tensor, []expr.Tensor) {
		w, v := b.Input("w", 1000, 544), b.Input("v", 544, 1000)
		return b.Input("x", 8, 544).MatMulT(w).ReLU().MatMulT(v).Square().Mean(), []expr.Tensor{w, v}
	}
	return graphs
}

// TestSinks: a run whose sinks move the parameters has the results of one that stores the gradients, after which they are moved;
// bit for bit, over three runs.
func TestSinks(t *testing.T) {
	for name, build := range sinkGraphs() {
		t.Run(name, func(t *testing.T) {
			b := expr.New()
			cost, wrt := build(b)
			grads, err := b.Grad(cost, wrt...)
			if err != nil {
				t.Fatal(err)
			}
			want := train(t, b, 1, cost, grads, wrt, false)
			for _, threads := range []int{1, 2} {
				got := train(t, b, threads, cost, grads, wrt, true)
				for i := range want {
					if !slices.Equal(got[i], want[i]) {
						t.Errorf("%d threads: result %d differs", threads, i)
					}
				}
			}
		})
	}
}

// train moves parameters three times, by sinks or after each run, and gives them with all costs.
func train(t *testing.T, b *expr.Builder, threads int, cost expr.Tensor, grads, wrt []expr.Tensor, sinks bool) [][]float32 {
	t.Helper()
	outputs, sunk := []expr.Tensor{cost}, []engine.Sink(nil)
	for i, g := range grads {
		if sinks {
			sunk = append(sunk, engine.Sink{Value: g, Changes: wrt[i : i+1]})
		} else {
			outputs = append(outputs, g)
		}
	}
	plan, err := engine.CompileStep(engine.FP32, outputs, nil, sunk...)
	if err != nil {
		t.Fatal(err)
	}
	pool := kernel.NewPool(threads)
	defer pool.Close()
	loaded, err := New(pool).Load(plan)
	if err != nil {
		t.Fatal(err)
	}
	exe := loaded.(*Executable)
	values := enginetest.Draw(b.Inputs())
	params := make([][]float32, len(wrt))
	for i, in := range b.Inputs() {
		if _, read := plan.Find(in); read {
			err = errors.Join(err, exe.Bind(in, values[i]))
		}
		if at := slices.IndexFunc(wrt, func(w expr.Tensor) bool { return w.Node() == in.Node() }); at >= 0 {
			params[at] = values[i]
		}
	}
	move := func(param []float32) Drain {
		return func(first int, piece []float32) {
			for k, g := range piece {
				param[first+k] -= sinkRate * g
			}
		}
	}
	for i := range sunk {
		err = errors.Join(err, exe.Drain(wrt[i], move(params[i])))
	}
	var costs []float32
	for range 3 {
		err = errors.Join(err, exe.Run(t.Context()))
		costs = append(costs, exe.Read(cost)...)
		for i := range params {
			if !sinks {
				move(params[i])(0, exe.Read(grads[i]))
			}
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return append(params, costs)
}

// TestSinkWithoutDrain: a run fails before anything has changed.
func TestSinkWithoutDrain(t *testing.T) {
	b := expr.New()
	x, y := b.Input("x", 3), b.Input("y", 3)
	plan, err := engine.CompileStep(engine.FP32, nil, nil, engine.Sink{Value: x.Add(y), Changes: []expr.Tensor{x}})
	if err != nil {
		t.Fatal(err)
	}
	pool := kernel.NewPool(1)
	defer pool.Close()
	loaded, err := New(pool).Load(plan)
	if err != nil {
		t.Fatal(err)
	}
	exe := loaded.(*Executable)
	if err := errors.Join(exe.Bind(x, make([]float32, 3)), exe.Bind(y, make([]float32, 3))); err != nil {
		t.Fatal(err)
	}
	if err := exe.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `nobody drains the sink of input "x"`) {
		t.Errorf("the run ends with %v", err)
	}
	if err := exe.Drain(y, func(int, []float32) {}); err == nil || !strings.Contains(err.Error(), "no sink") {
		t.Errorf("a sink that does not exist: %v", err)
	}
}
