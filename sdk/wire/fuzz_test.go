package wire_test

import (
	"slices"
	"testing"

	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
)

// FuzzBuild gives encoded programs of all sorts to the validator: what decodes is built over the inputs that it names, as a
// host does with what a plugin sends. Nothing may panic, and a program that is accepted has the shapes that it claims.
//
//	go test -run xxx -fuzz FuzzBuild -fuzztime 100s -fuzzminimizetime 1x ./sdk/wire
func FuzzBuild(f *testing.F) {
	objective, err := method.Trace(vicreg.Method{}, map[string]any{"projector": []int{4}}, method.Shapes{Batch: 4, Views: 2})
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range []*expr.Program{objective.Program, foreign(), everyOp()} {
		data, err := wire.Marshal(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := wire.Unmarshal(data)
		if err != nil || len(p.Steps) > 300 {
			return
		}
		b := expr.New()
		inputs := map[string]expr.Tensor{}
		for _, port := range p.Inputs {
			inputs[port.Name] = b.Input(port.Name, port.Shape...)
		}
		out, err := p.Build(b, inputs)
		if err != nil {
			return
		}
		again, err := b.Program(named(p, out)...)
		if err != nil {
			t.Fatalf("accepted, and cannot be written down: %v", err)
		}
		if len(again.Steps) > len(p.Steps) || !slices.Equal(names(again), names(p)) {
			t.Fatalf("built from\n%v\nis\n%v", p, again)
		}
	})
}

func named(p *expr.Program, out map[string]expr.Tensor) []expr.Named {
	all := make([]expr.Named, len(p.Outputs))
	for i, o := range p.Outputs {
		all[i] = expr.Named{Name: o.Name, Value: out[o.Name]}
	}
	return all
}

func names(p *expr.Program) []string {
	all := make([]string, len(p.Outputs))
	for i, o := range p.Outputs {
		all[i] = o.Name
	}
	return all
}

// everyOp applies what the objective above does not, gradients of a custom op among it.
func everyOp() *expr.Program {
	b := expr.New()
	x, w := b.Input("x", 2, 6, 6, 3), b.Input("w", 3, 3, 3, 4)
	y := x.Conv2D(w, 1, 1).MaxPool(2, 2, 0).AvgPool(1, 1).Reshape(2, 4)
	z := expr.Join(1, y.Transpose().Gather(0, 2, 2), y.Slice(1, 0, 3).Transpose()).LogSoftmax()
	p, err := b.Program(expr.Named{Name: "z", Value: z.Softmax().Abs().Sum()})
	if err != nil {
		panic(err)
	}
	at := len(p.Inputs) + len(p.Steps)
	p.Steps = append(p.Steps,
		expr.Step{Kind: expr.Custom, In: []int{0, 1}, Attrs: expr.Attrs{Custom: "own", Shape: []int{7}}, Shape: expr.Shape{7}},
		expr.Step{Kind: expr.CustomGrad, In: []int{0, 1, at, at}, Attrs: expr.Attrs{Custom: "own", Shape: []int{324}}, Shape: expr.Shape{324}})
	p.Outputs = append(p.Outputs, expr.Output{Name: "grad", Value: at + 1})
	return p
}
