package engine_test

import (
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/sdk/expr"
)

// TestSinkPlan prints a small network's plan: gradients of weights are used up behind the last reader of the weights, products
// without memory, and gradients of scales and shifts as soon as they are there.
func TestSinkPlan(t *testing.T) {
	b := expr.New()
	x, y := b.Input("x", 12, 6), b.Input("w0", 6, 6)
	wrt := []expr.Tensor{y}
	for i, scale := range []string{"scale0", "scale1"} {
		w := wrt[len(wrt)-1]
		h := x.MatMulT(w)
		s, shift := b.Input(scale, 6), b.Input("shift"+scale[5:], 6)
		x = b.Apply(expr.BNApply, expr.Attrs{Groups: 2, Eps: 1e-5}, h, b.Apply(expr.BNStats, expr.Attrs{Groups: 2}, h), s, shift).ReLU()
		wrt = append(wrt, s, shift)
		if i == 0 {
			wrt = append(wrt, b.Input("w1", 6, 6))
		}
	}
	cost := x.Square().Sum()
	grads, err := b.Grad(cost, wrt...)
	if err != nil {
		t.Fatal(err)
	}
	var sinks []engine.Sink
	for i, g := range grads {
		sinks = append(sinks, engine.Sink{Value: g, Changes: wrt[i : i+1]})
	}
	plan, err := engine.CompileStep(engine.FP32, []expr.Tensor{cost}, nil, sinks...)
	if err != nil {
		t.Fatal(err)
	}
	goldenPlan(t, "sinks", plan)
}

// TestBadSinks names what is wrong with them.
func TestBadSinks(t *testing.T) {
	b := expr.New()
	x, y := b.Input("x", 3), b.Input("y", 3)
	sum := x.Add(y)
	for name, c := range map[string]struct {
		updates []engine.Update
		sinks   []engine.Sink
		want    string
	}{
		"nothing":            {nil, []engine.Sink{{Value: sum}}, "changes nothing"},
		"no input":           {nil, []engine.Sink{{Value: sum, Changes: []expr.Tensor{sum}}}, "is no input"},
		"twice":              {nil, []engine.Sink{{Value: sum, Changes: []expr.Tensor{x}}, {Value: y, Changes: []expr.Tensor{x}}}, `"x" is changed twice`},
		"updated and sunk":   {[]engine.Update{{Input: x, Value: sum}}, []engine.Sink{{Value: y, Changes: []expr.Tensor{x}}}, `"x" is changed twice`},
		"nothing wrong here": {nil, []engine.Sink{{Value: sum, Changes: []expr.Tensor{x, y}}}, ""},
	} {
		_, err := engine.CompileStep(engine.FP32, nil, c.updates, c.sinks...)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSinksElsewhere: a device that knows no sinks says so.
func TestSinksElsewhere(t *testing.T) {
	b := expr.New()
	x := b.Input("x", 3)
	plan, err := engine.CompileStep(engine.FP32, nil, nil, engine.Sink{Value: x.Scale(2), Changes: []expr.Tensor{x}})
	if err != nil {
		t.Fatal(err)
	}
	if exe, err := (tape.Device{}).Load(plan); err == nil {
		exe.Close()
		t.Error("the TapeMachine takes a plan with sinks")
	}
}
