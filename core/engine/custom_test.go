package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/sdk/expr"
)

// cubes is a custom op: the cubes of two tensors, and their sum. It counts its calls, and fails where told to.
type cubes struct {
	forward, backward *int
	failed            *error
}

func (cubes) Name() string { return "cubes" }

func (cubes) Shapes(in []expr.Shape) ([]expr.Shape, error) {
	return append(slices.Clone(in), expr.Shape{}), nil
}

func (c cubes) Forward(in, out []expr.Array) error {
	*c.forward++
	for i := range in {
		for j, v := range in[i].Data {
			out[i].Data[j] = v * v * v
			out[len(in)].Data[0] += v * v * v
		}
	}
	return *c.failed
}

func (c cubes) Backward(in, _, grad, into []expr.Array) error {
	*c.backward++
	for i := range in {
		for j, v := range in[i].Data {
			into[i].Data[j] = 3 * v * v * (grad[i].Data[j] + grad[len(in)].Data[0])
		}
	}
	return nil
}

// TestCustomOpOnDevices: forward and backward are called once each however many outputs are read, the devices agree, and
// an error ends the run and not the executable.
func TestCustomOpOnDevices(t *testing.T) {
	pool := kernel.NewPool(2)
	defer pool.Close()
	for _, d := range []engine.Device{cpu.New(pool), tape.Device{}} {
		t.Run(d.Name(), func(t *testing.T) {
			var forward, backward int
			var failed error
			b := expr.New()
			x, y := b.Input("x", 3, 2), b.Input("y", 4)
			out := b.Custom(cubes{&forward, &backward, &failed}, x.Scale(2), y)
			grads, err := b.Grad(out.At(0).Sum().Add(out.At(1).Sum()).Add(out.At(2)), x, y)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := engine.Compile(append(grads, out.At(0), out.At(1), out.At(2))...)
			if err != nil {
				t.Fatal(err)
			}
			exe, err := d.Load(plan)
			if err != nil {
				t.Fatal(err)
			}
			err = errors.Join(exe.Bind(x, []float32{1, 2, 3, 4, 5, 6}), exe.Bind(y, []float32{1, -1, 2, -2}))
			for range 2 {
				err = errors.Join(err, exe.Run(t.Context()))
			}
			if err != nil {
				t.Fatal(err)
			}
			if forward != 2 || backward != 2 {
				t.Errorf("two runs called forward %d and backward %d times", forward, backward)
			}
			for i, want := range [][]float32{{48, 192, 432, 768, 1200, 1728}, {6, 6, 24, 24}, {8, 64, 216, 512, 1000, 1728}, {1, -1, 8, -8}, {3528}} {
				if got := exe.Read(plan.Outputs[i]); !slices.Equal(got, want) {
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
		})
	}
}

// TestCustomOpsAreNotMerged: ops of one name on one input may come from two plugins.
func TestCustomOpsAreNotMerged(t *testing.T) {
	var first, second, backward int
	var failed error
	programs := make([]*expr.Program, 2)
	for i, count := range []*int{&first, &second} {
		b := expr.New()
		p, err := b.Program(expr.Named{Name: "y", Value: b.Custom(cubes{count, &backward, &failed}, b.Input("x", 2)).At(1)})
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
	run(t, cpu.New(pool), outputs, []expr.Tensor{x}, [][]float32{{1, 2}}) // runs twice
	if first != 2 || second != 2 {
		t.Errorf("the ops ran %d and %d times", first, second)
	}
}
