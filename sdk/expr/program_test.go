package expr_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
)

// TestProgramRoundTrip: an expression taken out as a program and rebuilt on another graph has the same values and gradients.
func TestProgramRoundTrip(t *testing.T) {
	for _, c := range opCases() {
		t.Run(c.name, func(t *testing.T) {
			b := expr.New()
			x := make([]expr.Tensor, len(c.shapes))
			for i, s := range c.shapes {
				x[i] = b.Input("x"+string(rune('0'+i)), s...)
			}
			out := c.f(x)
			p, err := b.Program(expr.Named{Name: "y", Value: out}, expr.Named{Name: "x", Value: x[0]})
			if err != nil {
				t.Fatal(err)
			}
			b2 := expr.New()
			inputs := map[string]expr.Tensor{}
			for _, port := range p.Inputs {
				inputs[port.Name] = b2.Input(port.Name, port.Shape...)
			}
			rebuilt, err := p.Build(b2, inputs)
			if err != nil {
				t.Fatal(err)
			}
			if rebuilt["x"].Node() != inputs["x0"].Node() {
				t.Error("an output that is an input became another node")
			}
			values := c.values(out)
			want, err := exprtest.Eval(values, out)
			if err != nil {
				t.Fatal(err)
			}
			got, err := exprtest.Eval(values, rebuilt["y"])
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got[0], want[0]) {
				t.Errorf("rebuilt %v, want %v", got[0], want[0])
			}
			again, err := b2.Program(expr.Named{Name: "y", Value: rebuilt["y"]}, expr.Named{Name: "x", Value: rebuilt["x"]})
			if err != nil || again.String() != p.String() {
				t.Errorf("the program of the program differs:\n%v\n%v (%v)", p, again, err)
			}
		})
	}
}

// TestProgramText shows the readable form.
func TestProgramText(t *testing.T) {
	b := expr.New()
	x, w := b.Input("x", 4, 3), b.Input("w", 2, 3)
	p, err := b.Program(expr.Named{Name: "y", Value: x.MatMulT(w).Affine(2, -1).Sum(0)})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Join([]string{
		`%0 = input "x" (4, 3)`, `%1 = input "w" (2, 3)`,
		`%2 = matmul(%0, %1) {trans_b} (4, 2)`,
		`%3 = affine(%2) {alpha=2 beta=-1} (4, 2)`,
		`%4 = sum(%3) {axes=[0]} (2)`,
		`output "y" = %4`, ""}, "\n")
	if p.String() != want {
		t.Errorf("got\n%swant\n%s", p, want)
	}
}

// small is a valid program: y = square(x).
func small() *expr.Program {
	return &expr.Program{
		Inputs:  []expr.Port{{Name: "x", Shape: expr.Shape{2, 3}}},
		Steps:   []expr.Step{{Kind: expr.Square, In: []int{0}, Shape: expr.Shape{2, 3}}},
		Outputs: []expr.Output{{Name: "y", Value: 1}},
	}
}

// TestHostilePrograms: what a plugin could send to harm the host is refused, and nothing large is made on the way.
func TestHostilePrograms(t *testing.T) {
	huge := expr.Shape{1 << 31, 1 << 31}
	tests := []struct {
		name string
		bend func(p *expr.Program)
		want string
	}{
		{"forward reference", func(p *expr.Program) { p.Steps[0].In[0] = 1 }, "not computed before"},
		{"negative reference", func(p *expr.Program) { p.Steps[0].In[0] = -1 }, "not computed before"},
		{"unknown op", func(p *expr.Program) { p.Steps[0].Kind = "system" }, "unknown op"},
		{"no operand", func(p *expr.Program) { p.Steps[0].In = nil }, "operands"},
		{"many operands", func(p *expr.Program) { p.Steps[0].In = make([]int, expr.MaxOperands+1) }, "limit"},
		{"false shape", func(p *expr.Program) { p.Steps[0].Shape = expr.Shape{3, 2} }, "claims"},
		{"false rank", func(p *expr.Program) {
			p.Inputs[0].Shape, p.Steps[0].Shape = expr.Shape{2}, expr.Shape{2, 1}
		}, ""},
		{"huge claim", func(p *expr.Program) { p.Steps[0].Shape = huge }, "not a shape"},
		{"huge input", func(p *expr.Program) { p.Inputs[0].Shape = huge }, "not a shape"},
		{"negative input", func(p *expr.Program) { p.Inputs[0].Shape = expr.Shape{-2, -3} }, "not a shape"},
		{"overflowing input", func(p *expr.Program) { p.Inputs[0].Shape = expr.Shape{math.MaxInt, math.MaxInt} }, "not a shape"},
		{"rank", func(p *expr.Program) { p.Inputs[0].Shape = make(expr.Shape, expr.MaxRank+1) }, "axes"},
		{"huge broadcast", func(p *expr.Program) {
			p.Steps[0] = expr.Step{Kind: expr.Broadcast, Attrs: expr.Attrs{Shape: []int{1 << 31, 2, 3}}, In: []int{0}, Shape: expr.Shape{2, 3}}
		}, "not a shape"},
		{"all results together", func(p *expr.Program) {
			wide := expr.Shape{1 << 15, 1 << 15, 2, 2}
			p.Inputs[0].Shape = wide
			p.Steps = nil
			for range 5 {
				p.Steps = append(p.Steps, expr.Step{Kind: expr.Square, In: []int{0}, Shape: wide})
			}
		}, "exceed the limit"},
		{"huge window", func(p *expr.Program) {
			p.Inputs[0].Shape = expr.Shape{1, 1, 1, 1}
			p.Steps[0] = expr.Step{Kind: expr.MaxPool, Attrs: expr.Attrs{Kernel: 1 << 62, Pad: 1<<62 - 1, Stride: 1}, In: []int{0}, Shape: expr.Shape{1, 1, 1, 1}}
		}, ""},
		{"index out of range", func(p *expr.Program) {
			p.Steps[0] = expr.Step{Kind: expr.Gather, Attrs: expr.Attrs{Index: []int{2}}, In: []int{0}, Shape: expr.Shape{1, 3}}
		}, "row 2"},
		{"many indices", func(p *expr.Program) {
			p.Steps[0] = expr.Step{Kind: expr.Gather, Attrs: expr.Attrs{Index: make([]int, expr.MaxIndex+1)}, In: []int{0}, Shape: expr.Shape{1, 3}}
		}, "limits"},
		{"start beyond", func(p *expr.Program) {
			p.Steps[0] = expr.Step{Kind: expr.Embed, Attrs: expr.Attrs{Axis: 0, Start: math.MaxInt, Shape: []int{4, 3}}, In: []int{0}, Shape: expr.Shape{4, 3}}
		}, "cannot embed"},
		{"slice overflow", func(p *expr.Program) {
			p.Steps[0] = expr.Step{Kind: expr.Slice, Attrs: expr.Attrs{Axis: 0, Start: math.MinInt, Stop: 1}, In: []int{0}, Shape: expr.Shape{1, 3}}
		}, "not within"},
		{"not a number", func(p *expr.Program) {
			p.Steps[0].Kind, p.Steps[0].Attrs.Alpha = expr.Affine, math.NaN()
		}, "finite"},
		{"infinite", func(p *expr.Program) {
			p.Steps[0].Kind, p.Steps[0].Attrs.Beta = expr.Affine, math.Inf(1)
		}, "finite"},
		{"input twice", func(p *expr.Program) { p.Inputs = append(p.Inputs, p.Inputs[0]); p.Outputs[0].Value = 0 }, "stands twice"},
		{"input without a name", func(p *expr.Program) { p.Inputs[0].Name = "" }, "empty"},
		{"output twice", func(p *expr.Program) { p.Outputs = append(p.Outputs, p.Outputs[0]) }, "stands twice"},
		{"output of nothing", func(p *expr.Program) { p.Outputs[0].Value = 2 }, "no value 2"},
		{"no output", func(p *expr.Program) { p.Outputs = nil }, "without an output"},
		{"many steps", func(p *expr.Program) { p.Steps = make([]expr.Step, expr.MaxSteps+1) }, "limits"},
		{"another input", func(p *expr.Program) { p.Inputs[0].Name = "secrets" }, "not available"},
		{"another shape", func(p *expr.Program) {
			p.Inputs[0].Shape, p.Steps[0].Shape = expr.Shape{3, 2}, expr.Shape{3, 2}
		}, "takes"},
	}
	build := func(p *expr.Program) error {
		b := expr.New()
		x := expr.Shape{2, 3}
		if len(p.Inputs) > 0 && p.Inputs[0].Name == "x" && len(p.Inputs[0].Shape) != 2 {
			x = p.Inputs[0].Shape // so that what comes after the inputs is reached
		}
		if slices.Max(x) > 1<<20 {
			x = expr.Shape{2, 3}
		}
		for _, d := range x {
			if d < 1 {
				x = expr.Shape{2, 3}
			}
		}
		_, err := p.Build(b, map[string]expr.Tensor{"x": b.Input("x", x...)})
		return err
	}
	if err := build(small()); err != nil {
		t.Fatal(err)
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			p := small()
			tc.bend(p)
			if err := build(p); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}
