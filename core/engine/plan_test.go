package engine_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/sdk/expr"
)

var update = flag.Bool("update", false, "write the golden plans anew")

// TestPlans compares compiled plans, as text, with testdata: what was fused, numbered and placed where.
func TestPlans(t *testing.T) {
	for _, c := range []struct {
		name      string
		precision engine.Precision
	}{{"variance and covariance", engine.FP32}, {"wide covariance", engine.FP32}, {"cosine with stopped gradient", engine.FP32},
		{"residual network", engine.FP32}, {"residual network", engine.BF16}} {
		t.Run(c.name+" in "+c.precision.String(), func(t *testing.T) {
			b := expr.New()
			cost, wrt := enginetest.Graphs()[c.name](b)
			grads, err := b.Grad(cost, wrt...)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := engine.CompileFor(c.precision, append([]expr.Tensor{cost}, grads...)...)
			if err != nil {
				t.Fatal(err)
			}
			file := strings.ReplaceAll(c.name, " ", "-")
			if c.precision != engine.FP32 {
				file += "-" + c.precision.String()
			}
			goldenPlan(t, file, plan)
		})
	}
}

// goldenPlan compares a plan, as text, with a file of testdata.
func goldenPlan(t *testing.T, name string, plan *engine.Plan) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(plan.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := plan.String(); got != string(want) {
		t.Errorf("the plan has changed; go test ./core/engine -update writes it anew\n%s", got)
	}
}

// unit is float32's unit of rounding.
const unit = 0x1p-24

// TestRandomGraphs draws elementwise graphs with shared values, broadcasts and sums, which exercise fusion, numbering and the
// memory plan in ways that no network does, and compares the CPU with the TapeMachine.
func TestRandomGraphs(t *testing.T) {
	pool := kernel.NewPool(2)
	defer pool.Close()
	rapid.Check(t, func(r *rapid.T) {
		b := expr.New()
		rows, cols := rapid.IntRange(1, 5).Draw(r, "rows"), rapid.IntRange(1, 40).Draw(r, "cols")
		pile := []expr.Tensor{b.Input("a", rows, cols), b.Input("b", rows, cols), b.Input("row", cols), b.Input("col", rows, 1), b.Input("s")}
		for range rapid.IntRange(1, 25).Draw(r, "ops") {
			x := pile[rapid.IntRange(0, len(pile)-1).Draw(r, "x")]
			y := pile[rapid.IntRange(0, len(pile)-1).Draw(r, "y")]
			var z expr.Tensor
			switch rapid.IntRange(0, 8).Draw(r, "op") {
			case 0:
				z = x.Add(y)
			case 1:
				z = x.Sub(y)
			case 2:
				z = x.Mul(y).Scale(0.5)
			case 3:
				z = x.Div(y.Square().Shift(1))
			case 4:
				z = x.ReLU().Shift(-0.25)
			case 5:
				z = x.Square().Shift(0.5).Sqrt()
			case 6:
				z = x.Mean()
			case 7:
				z = x.Abs().Affine(-0.5, 1)
			case 8:
				z = x.StopGradient().Add(x)
			}
			pile = append(pile, z)
		}
		outputs := pile[max(0, len(pile)-3):]
		if b.Err() != nil {
			r.Fatal(b.Err())
		}
		cost := outputs[0].Sum()
		for _, o := range outputs[1:] {
			cost = cost.Add(o.Square().Mean())
		}
		grads, err := b.Grad(cost, b.Inputs()...)
		if err != nil {
			r.Fatal(err)
		}
		all := append([]expr.Tensor{cost}, outputs...)
		for _, g := range grads {
			if g.Node() != nil {
				all = append(all, g)
			}
		}
		values := enginetest.Draw(b.Inputs())
		want := enginetest.Run(t, tape.Device{}, all, b.Inputs(), values)
		got := enginetest.Run(t, cpu.New(pool), all, b.Inputs(), values)
		// An output in which everything cancels keeps the rounding of what it was made of: sums of so many numbers of that size.
		made := slices.Concat(enginetest.Run(t, tape.Device{}, pile, b.Inputs(), values)...)
		rounding := unit * float64(rows*cols) * max(1, enginetest.Magnitude(made), enginetest.Magnitude(slices.Concat(want...)))
		for i := range want {
			if d := enginetest.Distance(got[i], want[i]) * enginetest.Magnitude(want[i]); d > max(1e-4*enginetest.Magnitude(want[i]), rounding) {
				plan, _ := engine.Compile(all...)
				r.Fatalf("output %d differs by %.2g\n%v", i, d, plan)
			}
		}
	})
}
