package engine_test

import (
	"testing"

	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/sdk/expr"
)

// TestCustomOpsAreNotMerged: ops of one name on one input may come from two plugins.
func TestCustomOpsAreNotMerged(t *testing.T) {
	var first, second, backward int
	var failed error
	programs := make([]*expr.Program, 2)
	for i, count := range []*int{&first, &second} {
		b := expr.New()
		p, err := b.Program(expr.Named{Name: "y", Value: b.Custom(enginetest.Cubes{Forwards: count, Backwards: &backward, Failed: &failed}, b.Input("x", 2)).At(1)})
		if err != nil {
			t.Fatal(err)
		}
		programs[i] = p
	}
	b := expr.New()
	x := b.Input("x", 2)
	var outputs []expr.Tensor
	for _, p := range programs {
		out, err := p.Build(b, map[string]expr.Tensor{"x": x})
		if err != nil {
			t.Fatal(err)
		}
		outputs = append(outputs, out["y"])
	}
	pool := kernel.NewPool(1)
	defer pool.Close()
	enginetest.Run(t, cpu.New(pool), outputs, []expr.Tensor{x}, [][]float32{{1, 2}}) // runs three times
	if first != 3 || second != 3 {
		t.Errorf("the ops ran %d and %d times", first, second)
	}
}
