package expr_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
)

// kernel is a custom op: k[i, j] = s * (x[i]·y[j])^power of matrices x, y and a scalar s, and the scalar sum of squares of x.
type kernel struct{ power int }

func (kernel) Name() string { return "kernel" }

func (k kernel) Shapes(in []expr.Shape) ([]expr.Shape, error) {
	if len(in) != 3 || len(in[0]) != 2 || len(in[1]) != 2 || len(in[2]) != 0 || in[0][1] != in[1][1] {
		return nil, fmt.Errorf("takes two matrices of equal width and a scalar, not %v", in)
	}
	return []expr.Shape{{in[0][0], in[1][0]}, {}}, nil
}

func (k kernel) Forward(in, out []expr.Array) error {
	k.each(in, func(i, j, at int, dot float64) {
		out[0].Data[at] = float32(float64(in[2].Data[0]) * math.Pow(dot, float64(k.power)))
	})
	for _, v := range in[0].Data {
		out[1].Data[0] += v * v
	}
	return nil
}

func (k kernel) Backward(in, out, grad, into []expr.Array) error {
	d := in[0].Shape[1]
	k.each(in, func(i, j, at int, dot float64) {
		g, s := float64(grad[0].Data[at]), float64(in[2].Data[0])
		slope := g * s * float64(k.power) * math.Pow(dot, float64(k.power-1))
		for c := range d {
			into[0].Data[i*d+c] += float32(slope * float64(in[1].Data[j*d+c]))
			into[1].Data[j*d+c] += float32(slope * float64(in[0].Data[i*d+c]))
		}
		into[2].Data[0] += float32(g * float64(out[0].Data[at]) / s)
	})
	for i, v := range in[0].Data {
		into[0].Data[i] += 2 * v * grad[1].Data[0]
	}
	return nil
}

func (kernel) each(in []expr.Array, visit func(i, j, at int, dot float64)) {
	n, m, d := in[0].Shape[0], in[1].Shape[0], in[0].Shape[1]
	for i := range n {
		for j := range m {
			dot := 0.0
			for c := range d {
				dot += float64(in[0].Data[i*d+c]) * float64(in[1].Data[j*d+c])
			}
			visit(i, j, i*m+j, dot)
		}
	}
}

// odd is a custom op whose parts a test chooses.
type odd struct {
	name   string
	out    []expr.Shape
	failed error
}

func (o odd) Name() string                              { return o.name }
func (o odd) Shapes([]expr.Shape) ([]expr.Shape, error) { return o.out, o.failed }
func (o odd) Forward(_, _ []expr.Array) error           { return o.failed }
func (o odd) Backward(_, _, _, _ []expr.Array) error    { return o.failed }

func TestBadCustomOps(t *testing.T) {
	vector := []expr.Shape{{4}}
	for _, tc := range []struct {
		name string
		f    func(b *expr.Builder, x expr.Tensor)
		want string
	}{
		{"no name", func(b *expr.Builder, x expr.Tensor) { b.Custom(odd{out: vector}, x) }, `"" is no name`},
		{"a path", func(b *expr.Builder, x expr.Tensor) { b.Custom(odd{name: "a/b", out: vector}, x) }, `"a/b" is no name`},
		{"no output", func(b *expr.Builder, x expr.Tensor) { b.Custom(odd{name: "a"}, x) }, "a has no output"},
		{"no input", func(b *expr.Builder, _ expr.Tensor) { b.Custom(odd{name: "a", out: vector}) }, "at least one input"},
		{"an impossible output", func(b *expr.Builder, x expr.Tensor) { b.Custom(odd{name: "a", out: []expr.Shape{{4}, {0}}}, x) }, "not a shape"},
		{"refused inputs", func(b *expr.Builder, x expr.Tensor) { b.Custom(kernel{}, x) }, "custom_test.go"},
		{"an output that is not there", func(b *expr.Builder, x expr.Tensor) { b.Custom(odd{name: "a", out: vector}, x).At(1) }, "there is no output 1; the custom op has 1"},
		{"another's input", func(b *expr.Builder, x expr.Tensor) {
			b.Custom(odd{name: "a", out: vector}, expr.New().Input("x", 1))
		}, "belongs to no or to another graph"},
		{"one name, two ops", func(b *expr.Builder, x expr.Tensor) {
			b.Custom(odd{name: "a", out: vector}, x)
			b.Custom(odd{name: "a", out: []expr.Shape{{5}}}, x)
		}, `two ops are named "a" and differ`},
		{"after an error", func(b *expr.Builder, x expr.Tensor) {
			b.Custom(odd{name: "a", out: vector}, x.Reshape(7)).At(3).Square()
		}, "reshape"},
		{"applied as if it were of the set", func(b *expr.Builder, x expr.Tensor) {
			b.Apply(expr.Custom, expr.Attrs{Custom: "a", Shape: []int{4}}, x)
		}, "unknown op"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := expr.New()
			tc.f(b, b.Input("x", 2, 3))
			if b.Err() == nil || !strings.Contains(b.Err().Error(), tc.want) {
				t.Errorf("%v, want %q", b.Err(), tc.want)
			}
		})
	}
}

// TestErrorOfACustomOp reaches whoever computes the graph.
func TestErrorOfACustomOp(t *testing.T) {
	broken := errors.New("did not converge")
	b := expr.New()
	y := b.Custom(&failing{err: broken}, b.Input("x", 3)).At(0)
	for name, eval := range map[string]func(map[string][]float32, ...expr.Tensor) ([][]float32, error){"reference": exprtest.Eval, "tape": exprtest.Tape} {
		if _, err := eval(map[string][]float32{"x": {1, 2, 3}}, y); err == nil || !strings.Contains(err.Error(), `custom op "failing": did not converge`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type failing struct{ err error }

func (*failing) Name() string                                 { return "failing" }
func (*failing) Shapes(in []expr.Shape) ([]expr.Shape, error) { return in, nil }
func (f *failing) Forward(_, _ []expr.Array) error            { return f.err }
func (f *failing) Backward(_, _, _, _ []expr.Array) error     { return f.err }

// TestProgramWithoutItsCode can be built and differentiated, as a host must, but not computed.
func TestProgramWithoutItsCode(t *testing.T) {
	b := expr.New()
	y := b.Custom(kernel{power: 3}, b.Input("x", 2, 3), b.Input("y", 4, 3), b.Input("s"))
	p, err := b.Program(expr.Named{Name: "k", Value: y.At(0).Sum()})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.CustomOps(), []string{"kernel"}) || len(p.Ops) != 1 {
		t.Errorf("custom ops %v, code of %d", p.CustomOps(), len(p.Ops))
	}
	ops := p.Ops
	p.Ops = nil
	values := map[string][]float32{"x": make([]float32, 6), "y": make([]float32, 12), "s": {2}}
	for _, connected := range []bool{false, true} {
		if connected {
			p.Ops = ops
		}
		host := expr.New()
		x := host.Input("x", 2, 3)
		out, err := p.Build(host, map[string]expr.Tensor{"x": x, "y": host.Input("y", 4, 3), "s": host.Input("s")})
		if err != nil {
			t.Fatal(err)
		}
		grads, err := host.Grad(out["k"], x)
		if err != nil {
			t.Fatal(err)
		}
		_, err = exprtest.Eval(values, out["k"], grads[0])
		if connected && err != nil || !connected && (err == nil || !strings.Contains(err.Error(), "its plugin, which is not connected")) {
			t.Errorf("connected %v: %v", connected, err)
		}
	}
}

// TestCodeHoldsMemoryToItsShapes: what arrives over a wire may have any length.
func TestCodeHoldsMemoryToItsShapes(t *testing.T) {
	b := expr.New()
	b.Custom(kernel{power: 1}, b.Input("x", 2, 3), b.Input("y", 4, 3), b.Input("s"))
	code := b.Ops()["kernel"]
	shapes := []expr.Shape{{2, 3}, {4, 3}, {}}
	memory := func(n ...int) [][]float32 {
		out := make([][]float32, len(n))
		for i := range n {
			out[i] = make([]float32, n[i])
		}
		return out
	}
	if err := code.Forward(shapes, memory(6, 12, 1), make([]float32, 9)); err != nil {
		t.Error(err)
	}
	if err := code.Backward(shapes, memory(6, 12, 1), make([]float32, 9), make([]float32, 9), make([]float32, 19)); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"inputs without shape": code.Forward(shapes[:2], memory(6, 12, 1), make([]float32, 9)),
		"a short input":        code.Forward(shapes, memory(6, 11, 1), make([]float32, 9)),
		"a short output":       code.Forward(shapes, memory(6, 12, 1), make([]float32, 8)),
		"other shapes":         code.Forward([]expr.Shape{{3, 2}, {4, 3}, {}}, memory(6, 12, 1), make([]float32, 9)),
		"a short gradient":     code.Backward(shapes, memory(6, 12, 1), make([]float32, 9), make([]float32, 8), make([]float32, 19)),
		"a short result":       code.Backward(shapes, memory(6, 12, 1), make([]float32, 9), make([]float32, 9), make([]float32, 18)),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
