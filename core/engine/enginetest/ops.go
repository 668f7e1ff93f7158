package enginetest

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
)

// Op applies one op to inputs of the given shapes; several of a kind cover its special forms.
type Op struct {
	Kind   expr.Kind
	Attrs  expr.Attrs
	Shapes []expr.Shape
}

// Apply adds the op to a graph, with inputs of its own whose names open with prefix.
func (o Op) Apply(b *expr.Builder, prefix string) (in []expr.Tensor, out expr.Tensor) {
	for i, s := range o.Shapes {
		in = append(in, b.Input(fmt.Sprint(prefix, i), s...))
	}
	return in, b.Apply(o.Kind, o.Attrs, in...)
}

// Ops has every kind of the op set, in odd sizes, and the forms for which devices have kernels of their own.
func Ops() []Op {
	var cases []Op
	add := func(kind expr.Kind, attrs expr.Attrs, shapes ...expr.Shape) {
		cases = append(cases, Op{kind, attrs, shapes})
	}
	for _, shape := range []expr.Shape{{}, {1}, {37}, {5, 33}, {3, 2, 7, 19}, {9, 1031}} {
		for _, kind := range []expr.Kind{expr.Add, expr.Sub, expr.Mul, expr.Div, expr.ReLUGrad, expr.AbsGrad} {
			add(kind, expr.Attrs{}, shape, shape)
		}
		for _, kind := range []expr.Kind{expr.Square, expr.Sqrt, expr.Exp, expr.Log, expr.Abs, expr.Reciprocal, expr.ReLU, expr.StopGradient} {
			add(kind, expr.Attrs{}, shape)
		}
		add(expr.Affine, expr.Attrs{Alpha: -1.5, Beta: 0.25}, shape)
	}
	add(expr.Broadcast, expr.Attrs{Shape: []int{4, 3, 5}}, expr.Shape{3, 1})
	add(expr.Broadcast, expr.Attrs{Shape: []int{3, 5}}, expr.Shape{})
	add(expr.Reshape, expr.Attrs{Shape: []int{3, 10}}, expr.Shape{5, 6})
	add(expr.Transpose, expr.Attrs{}, expr.Shape{17, 9})
	add(expr.Slice, expr.Attrs{Axis: 0, Start: 2, Stop: 5}, expr.Shape{7, 3})
	add(expr.Slice, expr.Attrs{Axis: 1, Start: 1, Stop: 3}, expr.Shape{2, 5, 3})
	add(expr.Embed, expr.Attrs{Axis: 1, Start: 2, Shape: []int{3, 9}}, expr.Shape{3, 4})
	add(expr.Concat, expr.Attrs{Axis: 1}, expr.Shape{3, 2}, expr.Shape{3, 5}, expr.Shape{3, 1})
	add(expr.Gather, expr.Attrs{Index: []int{3, 0, 3}}, expr.Shape{5, 7})
	add(expr.ScatterAdd, expr.Attrs{Index: []int{3, 0, 3}, Shape: []int{5, 7}}, expr.Shape{3, 7})
	for _, axes := range [][]int{{0, 1, 2}, {0}, {0, 1}, {2}, {1, 2}, {1}, {0, 2}, {}} {
		add(expr.Sum, expr.Attrs{Axes: axes}, expr.Shape{5, 7, 33})
		add(expr.Sum, expr.Attrs{Axes: axes, Keep: true}, expr.Shape{5, 7, 33})
	}
	for _, t := range []struct {
		a, b   expr.Shape
		ta, tb bool
	}{{expr.Shape{19, 7}, expr.Shape{7, 37}, false, false}, {expr.Shape{7, 19}, expr.Shape{7, 37}, true, false},
		{expr.Shape{19, 7}, expr.Shape{37, 7}, false, true}, {expr.Shape{7, 19}, expr.Shape{37, 7}, true, true},
		{expr.Shape{130, 257}, expr.Shape{257, 65}, false, false}} {
		add(expr.MatMul, expr.Attrs{TransA: t.ta, TransB: t.tb}, t.a, t.b)
	}
	add(expr.Diagonal, expr.Attrs{}, expr.Shape{9, 9})
	add(expr.DiagEmbed, expr.Attrs{}, expr.Shape{9})
	add(expr.OffDiagonal, expr.Attrs{}, expr.Shape{33, 33})
	add(expr.Softmax, expr.Attrs{}, expr.Shape{5, 13})
	add(expr.LogSoftmax, expr.Attrs{}, expr.Shape{5, 13})
	for _, c := range []struct{ n, h, w, c, k, r, stride, pad int }{{2, 9, 7, 3, 5, 3, 1, 1}, {3, 8, 8, 33, 34, 3, 1, 1}, {2, 11, 9, 16, 32, 3, 2, 1},
		{2, 7, 7, 32, 17, 1, 1, 0}, {2, 9, 9, 16, 32, 1, 2, 0}, {1, 23, 21, 3, 16, 7, 2, 3}, {5, 14, 14, 32, 32, 3, 1, 1}, {3, 4, 4, 64, 64, 3, 1, 1}} {
		a := expr.Attrs{Stride: c.stride, Pad: c.pad}
		x, w := expr.Shape{c.n, c.h, c.w, c.c}, expr.Shape{c.r, c.r, c.c, c.k}
		y := expr.Shape{c.n, (c.h+2*c.pad-c.r)/c.stride + 1, (c.w+2*c.pad-c.r)/c.stride + 1, c.k}
		add(expr.Conv2D, a, x, w)
		dx, dw := a, a
		dx.Shape, dw.Shape = x, w
		add(expr.Conv2DGradX, dx, y, w)
		add(expr.Conv2DGradW, dw, x, y)
	}
	for _, x := range []expr.Shape{{8, 5, 3, 7}, {6, 19}, {4, 14, 14, 32}} {
		a := expr.Attrs{Groups: 2, Eps: 1e-5}
		ch := x[len(x)-1]
		stats, vector := expr.Shape{2, 2, ch}, expr.Shape{ch}
		add(expr.BNStats, expr.Attrs{Groups: 2}, x)
		add(expr.BNApply, a, x, stats)
		add(expr.BNApply, a, x, stats, vector, vector)
		add(expr.BNReduce, a, x, x, stats)
		add(expr.BNGrad, a, x, x, stats, stats)
		add(expr.BNGrad, a, x, x, stats, stats, vector)
	}
	add(expr.MaxPool, expr.Attrs{Kernel: 3, Stride: 2, Pad: 1}, expr.Shape{2, 9, 7, 5})
	add(expr.MaxPoolGrad, expr.Attrs{Kernel: 3, Stride: 2, Pad: 1}, expr.Shape{2, 5, 4, 5}, expr.Shape{2, 9, 7, 5})
	add(expr.AvgPool, expr.Attrs{Shape: []int{2, 3}}, expr.Shape{2, 7, 7, 5})
	add(expr.AvgPoolGrad, expr.Attrs{Shape: []int{7, 7}}, expr.Shape{2, 2, 3, 5})
	return cases
}
