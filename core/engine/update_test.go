package engine_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/sdk/expr"
)

// TestRandomUpdates draws graphs whose inputs are updated by each other and by values that others read, of ops that round in one
// way only, and demands the TapeMachine's bits of outputs and inputs over three runs, whatever was computed in place.
func TestRandomUpdates(t *testing.T) {
	pool := kernel.NewPool(2)
	defer pool.Close()
	rapid.Check(t, func(r *rapid.T) {
		b := expr.New()
		var pile []expr.Tensor
		for _, name := range []string{"a", "b", "c", "d"} {
			pile = append(pile, b.Input(name, 3, 5))
		}
		scalar := b.Input("s")
		pick := func(what string) expr.Tensor { return pile[rapid.IntRange(0, len(pile)-1).Draw(r, what)] }
		for range rapid.IntRange(1, 12).Draw(r, "ops") {
			x, y := pick("x"), pick("y")
			var z expr.Tensor
			switch rapid.IntRange(0, 4).Draw(r, "op") {
			case 0:
				z = x.Add(y)
			case 1:
				z = x.Sub(y)
			case 2:
				z = x.ReLU()
			case 3:
				z = x.Affine(-1, 1)
			case 4:
				z = x.Add(scalar)
			}
			pile = append(pile, z)
		}
		outputs := []expr.Tensor{pile[len(pile)-1]}
		var updates []engine.Update
		for _, in := range b.Inputs()[:4] {
			if rapid.Bool().Draw(r, "updated") {
				updates = append(updates, engine.Update{Input: in, Value: pick("value")})
			}
		}
		plan, err := engine.CompileStep(engine.FP32, outputs, updates)
		if err != nil {
			r.Fatal(err)
		}
		var state [2][][]float32
		var results [2][]float32
		for i, d := range []engine.Device{tape.Device{}, cpu.New(pool)} {
			exe, err := d.Load(plan)
			if err != nil {
				r.Fatal(err)
			}
			state[i] = enginetest.Draw(b.Inputs())
			for j, in := range b.Inputs() {
				if _, read := plan.Find(in); read {
					err = errors.Join(err, exe.Hold(in, state[i][j]))
				}
			}
			for range 3 {
				err = errors.Join(err, exe.Run(t.Context()))
				results[i] = append(results[i], exe.Read(outputs[0])...)
			}
			if err != nil {
				r.Fatal(err)
			}
		}
		if !slices.Equal(results[0], results[1]) {
			r.Fatalf("outputs differ\n%v", plan)
		}
		for j := range state[0] {
			if !slices.Equal(state[0][j], state[1][j]) {
				r.Fatalf("input %d differs\n%v", j, plan)
			}
		}
	})
}
