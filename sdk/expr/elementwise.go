package expr

import (
	"fmt"
	"math"
)

func elementwise() map[Kind]definition {
	return map[Kind]definition{
		Add: binary(func(a, b float64) float64 { return a + b },
			func(_ *Op, _ []Tensor, _, g Tensor) []Tensor { return []Tensor{g, g} }),
		Sub: binary(func(a, b float64) float64 { return a - b },
			func(_ *Op, _ []Tensor, _, g Tensor) []Tensor { return []Tensor{g, g.Scale(-1)} }),
		Mul: binary(func(a, b float64) float64 { return a * b },
			func(_ *Op, in []Tensor, _, g Tensor) []Tensor { return []Tensor{g.Mul(in[1]), g.Mul(in[0])} }),
		Div: binary(func(a, b float64) float64 { return a / b },
			func(_ *Op, in []Tensor, out, g Tensor) []Tensor {
				da := g.Div(in[1])
				return []Tensor{da, da.Mul(out).Scale(-1)}
			}),
		Affine: {arity: 1, shape: same,
			grad: func(o *Op, _ []Tensor, _, g Tensor) []Tensor { return []Tensor{g.Scale(o.Attrs.Alpha)} },
			do: func(o *Op, out []float32, in [][]float32) {
				for i, x := range in[0] {
					out[i] = float32(o.Attrs.Alpha*float64(x) + o.Attrs.Beta)
				}
			}},
		Square: unary(func(x float64) float64 { return x * x },
			func(x, _, g Tensor) Tensor { return g.Mul(x).Scale(2) }),
		Sqrt: unary(math.Sqrt,
			func(_, y, g Tensor) Tensor { return g.Div(y).Scale(0.5) }),
		Exp: unary(math.Exp,
			func(_, y, g Tensor) Tensor { return g.Mul(y) }),
		Log: unary(math.Log,
			func(x, _, g Tensor) Tensor { return g.Div(x) }),
		Reciprocal: unary(func(x float64) float64 { return 1 / x },
			func(_, y, g Tensor) Tensor { return g.Mul(y.Square()).Scale(-1) }),
		ReLU: unary(func(x float64) float64 { return max(x, 0) },
			func(_, y, g Tensor) Tensor { return g.b.Apply(ReLUGrad, Attrs{}, g, y) }),
		Abs: unary(math.Abs,
			func(x, _, g Tensor) Tensor { return g.b.Apply(AbsGrad, Attrs{}, g, x) }),
		ReLUGrad: binary(func(g, y float64) float64 {
			if y > 0 {
				return g
			}
			return 0
		}, nil),
		AbsGrad: binary(func(g, x float64) float64 {
			switch {
			case x > 0:
				return g
			case x < 0:
				return -g
			}
			return 0
		}, nil),
		StopGradient: {arity: 1, shape: same, do: func(_ *Op, out []float32, in [][]float32) { copy(out, in[0]) }},
	}
}

func unary(f func(float64) float64, grad func(x, y, g Tensor) Tensor) definition {
	return definition{arity: 1, shape: same,
		grad: func(_ *Op, in []Tensor, out, g Tensor) []Tensor { return []Tensor{grad(in[0], out, g)} },
		do: func(_ *Op, out []float32, in [][]float32) {
			for i, x := range in[0] {
				out[i] = float32(f(float64(x)))
			}
		}}
}

func binary(f func(a, b float64) float64, grad func(o *Op, in []Tensor, out, g Tensor) []Tensor) definition {
	return definition{arity: 2, shape: equal, grad: grad,
		do: func(_ *Op, out []float32, in [][]float32) {
			for i, x := range in[0] {
				out[i] = float32(f(float64(x), float64(in[1][i])))
			}
		}}
}

func same(_ Attrs, in []Shape) (Shape, error) { return in[0].Clone(), nil }

func equal(_ Attrs, in []Shape) (Shape, error) {
	if !alike(in[0], in[1]) {
		return nil, fmt.Errorf("shapes %v and %v differ", in[0], in[1])
	}
	return in[0].Clone(), nil
}
