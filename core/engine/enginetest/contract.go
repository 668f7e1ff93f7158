package enginetest

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/sdk/expr"
)

// Contract is the part of [Conform] about [engine.Executable] itself.
func Contract(t *testing.T, d engine.Device) {
	t.Run("inputs bound anew", func(t *testing.T) { bindAnew(t, d) })
	t.Run("misuse", func(t *testing.T) { misuse(t, d) })
	t.Run("cancelled", func(t *testing.T) { cancelled(t, d) })
	t.Run("custom op", func(t *testing.T) { customOp(t, d) })
	t.Run("updates", func(t *testing.T) { updates(t, d) })
	t.Run("updates that cross", func(t *testing.T) { crossing(t, d) })
	t.Run("a failed run updates nothing", func(t *testing.T) { failedUpdate(t, d) })
}

// bindAnew binds an input to other memory between runs, which a device that has prepared itself for the first must see, also
// where it is read as a view; and writes to memory that stays bound.
func bindAnew(t *testing.T, d engine.Device) {
	b := expr.New()
	x, w := b.Input("x", 4, 6), b.Input("w", 3, 6)
	outputs := []expr.Tensor{x.MatMulT(w), x.Reshape(2, 12).Square().Sum(), x.ReLU()}
	exe, _ := Load(t, d, outputs, nil)
	weights := Draw([]expr.Tensor{w})[0]
	buffers := [][]float32{Draw([]expr.Tensor{x})[0], make([]float32, 24)}
	for i := range buffers[1] {
		buffers[1][i] = float32(math.Sin(float64(i)))
	}
	if err := exe.Hold(w, weights); err != nil {
		t.Fatal(err)
	}
	for round := range 7 {
		data := buffers[round%2]
		data[7]++
		err := exe.Bind(x, data)
		if round == 4 {
			weights = Draw([]expr.Tensor{x, w})[1]
			err = errors.Join(err, exe.Hold(w, weights))
		}
		if err := errors.Join(err, exe.Run(t.Context())); err != nil {
			t.Fatal(err)
		}
		want := Run(t, tape.Device{}, outputs, []expr.Tensor{x, w}, [][]float32{data, weights})
		for i, o := range outputs {
			if diff := Distance(exe.Read(o), want[i]); diff > Tolerance {
				t.Errorf("round %d: output %d differs from the TapeMachine by %.2g relative", round, i, diff)
			}
		}
		if got := exe.Read(x); !slices.Equal(got, data) {
			t.Errorf("round %d: input reads %v, is %v", round, got, data)
		}
	}
}

// misuse is what must be an error and not a wrong result.
func misuse(t *testing.T, d engine.Device) {
	b := expr.New()
	x, unused := b.Input("x", 3), b.Input("unused", 2)
	y := x.Square()
	exe, _ := Load(t, d, []expr.Tensor{y}, []engine.Update{{Input: x, Value: x.Scale(2)}})
	for what, err := range map[string]error{
		"run without inputs":        exe.Run(t.Context()),
		"bind a result":             exe.Bind(y, make([]float32, 3)),
		"bind what is not read":     exe.Bind(unused, make([]float32, 2)),
		"hold too few numbers":      exe.Hold(x, make([]float32, 2)),
		"bind an input of updates":  exe.Bind(x, make([]float32, 3)),
		"hold what the plan lacks":  exe.Hold(unused, make([]float32, 2)),
		"hold nothing of the graph": exe.Hold(expr.Tensor{}, nil),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if got := exe.Read(unused); got != nil {
		t.Errorf("reading what the plan does not compute gives %v", got)
	}
}

// cancelled: a run under an ended context does nothing.
func cancelled(t *testing.T, d engine.Device) {
	b := expr.New()
	x := b.Input("x", 3)
	exe, _ := Load(t, d, nil, []engine.Update{{Input: x, Value: x.Scale(2)}})
	data := []float32{1, 2, 3}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := exe.Hold(x, data); err != nil {
		t.Fatal(err)
	}
	if err := exe.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a run under an ended context: %v", err)
	}
	fetched(t, exe, data, []float32{1, 2, 3})
}

// fetched compares what an input holds after Fetch.
func fetched(t *testing.T, exe engine.Executable, data, want []float32) {
	t.Helper()
	if err := exe.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(data, want) {
		t.Errorf("the input holds %v, want %v", data, want)
	}
}

// Cubes is a custom op: the cubes of tensors, and their sum. It counts its calls, and fails where told to.
type Cubes struct {
	Forwards, Backwards *int
	Failed              *error
}

// Name is "cubes".
func (Cubes) Name() string { return "cubes" }

// Shapes are those of the inputs, and a scalar.
func (Cubes) Shapes(in []expr.Shape) ([]expr.Shape, error) {
	return append(slices.Clone(in), expr.Shape{}), nil
}

// Forward computes the cubes.
func (c Cubes) Forward(in, out []expr.Array) error {
	*c.Forwards++
	for i := range in {
		for j, v := range in[i].Data {
			out[i].Data[j] = v * v * v
			out[len(in)].Data[0] += v * v * v
		}
	}
	return *c.Failed
}

// Backward is their gradient.
func (c Cubes) Backward(in, _, grad, into []expr.Array) error {
	*c.Backwards++
	for i := range in {
		for j, v := range in[i].Data {
			into[i].Data[j] = 3 * v * v * (grad[i].Data[j] + grad[len(in)].Data[0])
		}
	}
	return nil
}

// customOp: forward and backward are called once each run however many outputs are read, and an error ends the run and not
// the executable.
func customOp(t *testing.T, d engine.Device) {
	var forward, backward int
	var failed error
	b := expr.New()
	x, y := b.Input("x", 3, 2), b.Input("y", 4)
	out := b.Custom(Cubes{&forward, &backward, &failed}, x.Scale(2), y)
	grads, err := b.Grad(out.At(0).Sum().Add(out.At(1).Sum()).Add(out.At(2)), x, y)
	if err != nil {
		t.Fatal(err)
	}
	outputs := append(grads, out.At(0), out.At(1), out.At(2))
	exe, _ := Load(t, d, outputs, nil)
	err = errors.Join(exe.Bind(x, []float32{1, 2, 3, 4, 5, 6}), exe.Bind(y, []float32{1, -1, 2, -2}))
	for range 4 {
		err = errors.Join(err, exe.Run(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
	if forward != 4 || backward != 4 {
		t.Errorf("four runs called forward %d and backward %d times", forward, backward)
	}
	for i, want := range [][]float32{{48, 192, 432, 768, 1200, 1728}, {6, 6, 24, 24}, {8, 64, 216, 512, 1000, 1728}, {1, -1, 8, -8}, {3528}} {
		if got := exe.Read(outputs[i]); !slices.Equal(got, want) {
			t.Errorf("output %d is %v, want %v", i, got, want)
		}
	}
	failed = errors.New("ill-conditioned")
	if err := exe.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `custom op "cubes": ill-conditioned`) {
		t.Errorf("a failure of the op: %v", err)
	}
	failed = nil
	if err := exe.Run(t.Context()); err != nil {
		t.Errorf("after a failure: %v", err)
	}
	if got := exe.Read(outputs[4]); got[0] != 3528 {
		t.Errorf("after a failure the sum is %v", got[0])
	}
}

// updates is momentum in small: two inputs that follow a gradient, over runs, with a rate that changes. One update reads the
// other's value, one input is read by a view, and the value of one is read as an output too.
func updates(t *testing.T, d engine.Device) {
	b := expr.New()
	w, v, x, rate := b.Input("w", 2, 3), b.Input("v", 2, 3), b.Input("x", 3, 2), b.Input("rate")
	loss := w.MatMul(x).Square().Sum().Add(w.Reshape(6).Abs().Sum())
	grads, err := b.Grad(loss, w)
	if err != nil {
		t.Fatal(err)
	}
	velocity := v.Scale(0.5).Add(grads[0])
	next := w.Sub(velocity.Mul(rate))
	steps := []engine.Update{{Input: v, Value: velocity}, {Input: w, Value: next}}
	outputs := []expr.Tensor{loss, velocity}
	exe, plan := Load(t, d, outputs, steps)
	for _, u := range plan.Updates {
		if plan.Values[u.Value].Store != u.Input {
			t.Errorf("the update of %q is copied\n%v", plan.Values[u.Input].Input, plan)
		}
	}
	oracle, _ := Load(t, tape.Device{}, outputs, steps)
	values := Draw(b.Inputs())
	ours, theirs := [][]float32{slices.Clone(values[0]), make([]float32, 6)}, [][]float32{slices.Clone(values[0]), make([]float32, 6)}
	scalar := []float32{0}
	for e, state := range map[engine.Executable][][]float32{exe: ours, oracle: theirs} {
		if err := errors.Join(e.Hold(w, state[0]), e.Hold(v, state[1]), e.Bind(x, values[2]), e.Bind(rate, scalar)); err != nil {
			t.Fatal(err)
		}
	}
	for k := range 6 {
		scalar[0] = 0.01 * float32(k)
		if err := errors.Join(oracle.Run(t.Context()), exe.Run(t.Context())); err != nil {
			t.Fatal(err)
		}
		for i, o := range outputs {
			if diff := Distance(exe.Read(o), oracle.Read(o)); diff > Tolerance {
				t.Errorf("step %d: output %d differs by %.2g relative", k, i, diff)
			}
		}
		if k%2 == 1 { // a device may keep the state between
			if err := exe.Fetch(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i := range ours {
				if diff := Distance(ours[i], theirs[i]); diff > Tolerance {
					t.Errorf("step %d: input %d differs by %.2g relative", k, i, diff)
				}
			}
		}
		if k == 3 { // as at a resume
			clear(ours[1])
			clear(theirs[1])
			if err := errors.Join(exe.Hold(v, ours[1]), oracle.Hold(v, theirs[1])); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// crossing: values are computed of the inputs as they were at the start, also where inputs change places, take one value,
// or are read after they have changed.
func crossing(t *testing.T, d engine.Device) {
	b := expr.New()
	p, q, r, s := b.Input("p", 2), b.Input("q", 2), b.Input("r", 2), b.Input("s", 2)
	sum := r.Add(s)
	after := p.Add(sum)
	exe, plan := Load(t, d, []expr.Tensor{after}, []engine.Update{{Input: p, Value: q}, {Input: q, Value: p}, {Input: r, Value: sum}, {Input: s, Value: sum}})
	state := [][]float32{{1, 2}, {3, 4}, {5, 6}, {7, 8}}
	for i, in := range []expr.Tensor{p, q, r, s} {
		if err := exe.Hold(in, state[i]); err != nil {
			t.Fatal(err)
		}
	}
	for k, want := range [][][]float32{
		{{3, 4}, {1, 2}, {12, 14}, {12, 14}, {13, 16}},
		{{1, 2}, {3, 4}, {24, 28}, {24, 28}, {27, 32}},
		{{3, 4}, {1, 2}, {48, 56}, {48, 56}, {49, 58}},
		{{1, 2}, {3, 4}, {96, 112}, {96, 112}, {99, 116}},
	} {
		if err := exe.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range state {
			fetched(t, exe, state[i], want[i])
		}
		if got := exe.Read(after); !slices.Equal(got, want[4]) {
			t.Errorf("run %d: %v, want %v\n%v", k, got, want[4], plan)
		}
	}
}

// failedUpdate: where a custom op fails, also updates that do not depend on it are not made.
func failedUpdate(t *testing.T, d engine.Device) {
	var calls int
	var failed error
	b := expr.New()
	x, y := b.Input("x", 2), b.Input("y", 2)
	cubes := b.Custom(Cubes{&calls, &calls, &failed}, x).At(0)
	exe, _ := Load(t, d, []expr.Tensor{cubes}, []engine.Update{{Input: y, Value: y.Scale(2)}, {Input: x, Value: x.Add(cubes)}})
	dx, dy := []float32{1, 2}, []float32{3, 4}
	if err := errors.Join(exe.Hold(x, dx), exe.Hold(y, dy), exe.Run(t.Context())); err != nil {
		t.Fatal(err)
	}
	failed = errors.New("ill-conditioned")
	for range 3 {
		if err := exe.Run(t.Context()); err == nil {
			t.Error("the op's error was lost")
		}
	}
	fetched(t, exe, dx, []float32{2, 10})
	fetched(t, exe, dy, []float32{6, 8})
	failed = nil
	if err := exe.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	fetched(t, exe, dx, []float32{10, 1010})
	fetched(t, exe, dy, []float32{12, 16})
}
