// Package enginetest holds devices to what package engine promises: [Conform] runs a device through graphs, every op and the
// contract of [engine.Executable], and compares with Gorgonia's TapeMachine. Its graphs and ops serve tests of single devices
// too.
package enginetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/sdk/expr"
)

// Tolerance bounds the difference from the TapeMachine, which sums in float64, relative to the largest magnitude of a result.
const Tolerance = 2e-5

// Conform is the suite that every device passes.
func Conform(t *testing.T, d engine.Device) {
	for name, build := range Graphs() {
		t.Run("graph "+name, func(t *testing.T) { agree(t, d, differentiated(t, build), Draw) })
	}
	t.Run("every op", func(t *testing.T) { agree(t, d, everyOp(t), DrawPositive) })
	Contract(t, d)
}

// problem is a graph with what is read of it.
type problem struct{ inputs, outputs []expr.Tensor }

func differentiated(t *testing.T, build Graph) problem {
	t.Helper()
	b := expr.New()
	cost, wrt := build(b)
	grads, err := b.Grad(cost, wrt...)
	if err != nil {
		t.Fatal(err)
	}
	return problem{b.Inputs(), append([]expr.Tensor{cost}, grads...)}
}

// everyOp is one graph of all ops: devices that compile kernels do so once.
func everyOp(t *testing.T) problem {
	t.Helper()
	b := expr.New()
	var p problem
	for i, op := range Ops() {
		_, out := op.Apply(b, fmt.Sprintf("op%d.", i))
		p.outputs = append(p.outputs, out)
	}
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	p.inputs = b.Inputs()
	return p
}

// agree compares a device with the TapeMachine, and its results with those of the plan loaded anew, to the bit.
func agree(t *testing.T, d engine.Device, p problem, draw func([]expr.Tensor) [][]float32) {
	t.Helper()
	values := draw(p.inputs)
	want := Run(t, tape.Device{}, p.outputs, p.inputs, values)
	got := Run(t, d, p.outputs, p.inputs, values)
	for i := range got {
		if diff := Distance(got[i], want[i]); diff > Tolerance {
			t.Errorf("output %d, %v, differs from the TapeMachine by %.2g relative", i, p.outputs[i].Node().Op(), diff)
		}
	}
	again := Run(t, d, p.outputs, p.inputs, values)
	for i := range got {
		if !slices.Equal(again[i], got[i]) {
			t.Errorf("output %d, %v, has other bits when it is computed again", i, p.outputs[i].Node().Op())
		}
	}
}

// Draw gives each tensor values of the standard normal distribution, the same at each call.
func Draw(inputs []expr.Tensor) [][]float32 {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([][]float32, len(inputs))
	for i, t := range inputs {
		values[i] = make([]float32, t.Shape().TotalSize())
		for j := range values[i] {
			values[i][j] = float32(r.NormFloat64())
		}
	}
	return values
}

// DrawPositive is Draw away from 0, where roots, logarithms and quotients are defined.
func DrawPositive(inputs []expr.Tensor) [][]float32 {
	values := Draw(inputs)
	for _, v := range values {
		for i := range v {
			v[i] = v[i]*v[i] + 0.1
		}
	}
	return values
}

// Run computes outputs on a device with the given inputs, some times - devices prepare at the first runs what they repeat
// at later ones - and returns copies of the last results, which must be those of the first.
func Run(t *testing.T, d engine.Device, outputs, inputs []expr.Tensor, values [][]float32) [][]float32 {
	t.Helper()
	exe, plan := Load(t, d, outputs, nil)
	return repeat(t, d, exe, plan, outputs, inputs, values)
}

// repeats is the number of runs: the third is the first that only repeats.
const repeats = 3

func repeat(t *testing.T, d engine.Device, exe engine.Executable, plan *engine.Plan, outputs, inputs []expr.Tensor, values [][]float32) [][]float32 {
	t.Helper()
	for i, in := range inputs {
		if _, needed := plan.Find(in); !needed {
			continue
		}
		if err := exe.Bind(in, values[i]); err != nil {
			t.Fatal(err)
		}
	}
	runs := repeats
	if d == (tape.Device{}) {
		runs = 1 // it repeats nothing, and takes its time
	}
	var first [][]float32
	for run := range runs {
		got := make([][]float32, len(outputs))
		if err := exe.Run(t.Context()); err != nil {
			t.Fatalf("%s: %v", d.Name(), err)
		}
		for i, o := range outputs {
			got[i] = slices.Clone(exe.Read(o))
		}
		if first == nil {
			first = got
		}
		for i := range got {
			if !slices.Equal(got[i], first[i]) {
				t.Errorf("%s: run %d gives output %d other bits than the first", d.Name(), run, i)
			}
		}
	}
	return first
}

// Load compiles in float32 and loads; the executable ends with the test.
func Load(t *testing.T, d engine.Device, outputs []expr.Tensor, updates []engine.Update) (engine.Executable, *engine.Plan) {
	t.Helper()
	plan, err := engine.CompileStep(engine.FP32, outputs, updates)
	if err != nil {
		t.Fatal(err)
	}
	return load(t, d, plan), plan
}

func load(t *testing.T, d engine.Device, plan *engine.Plan) engine.Executable {
	t.Helper()
	exe, err := d.Load(plan)
	if err != nil {
		t.Fatalf("%v\n%v", err, plan)
	}
	t.Cleanup(exe.Close)
	return exe
}

// Distance is the largest difference relative to the largest magnitude of b.
func Distance(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	var diff float64
	for i := range a {
		if math.IsNaN(float64(a[i])) {
			return math.Inf(1)
		}
		diff = max(diff, math.Abs(float64(a[i]-b[i])))
	}
	return diff / Magnitude(b)
}

// Magnitude is the largest magnitude, or something near zero where there is none.
func Magnitude(x []float32) float64 {
	scale := 1e-30
	for _, v := range x {
		scale = max(scale, math.Abs(float64(v)))
	}
	return scale
}
