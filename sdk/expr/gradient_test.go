package expr_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
)

// opCase is an expression over inputs of given shapes. Values are drawn from [0.5, 1.5) with signs where signed is set, and
// lie on a grid of shuffled steps, so that finite differences never cross a kink or change an order.
type opCase struct {
	name   string
	shapes []expr.Shape
	signed bool
	fixed  []int // inputs without a gradient
	f      func(x []expr.Tensor) expr.Tensor
}

func apply(kind expr.Kind, a expr.Attrs) func(x []expr.Tensor) expr.Tensor {
	return func(x []expr.Tensor) expr.Tensor { return x[0].Builder().Apply(kind, a, x...) }
}

func fluent(f func(x expr.Tensor) expr.Tensor) func(x []expr.Tensor) expr.Tensor {
	return func(x []expr.Tensor) expr.Tensor { return f(x[0]) }
}

func pair(f func(x, y expr.Tensor) expr.Tensor) func(x []expr.Tensor) expr.Tensor {
	return func(x []expr.Tensor) expr.Tensor { return f(x[0], x[1]) }
}

func shapes(s ...expr.Shape) []expr.Shape { return s }

func norm(groups int) func(x []expr.Tensor) expr.Tensor {
	return func(x []expr.Tensor) expr.Tensor {
		b := x[0].Builder()
		stats := b.Apply(expr.BNStats, expr.Attrs{Groups: groups}, x[0])
		return b.Apply(expr.BNApply, expr.Attrs{Groups: groups, Eps: 1e-3}, append([]expr.Tensor{x[0], stats}, x[1:]...)...)
	}
}

func opCases() []opCase {
	type S = expr.Shape
	m, wide, scalar := S{3, 5}, S{2, 5, 7, 3}, S{}
	return []opCase{
		{"add", shapes(m, m), true, nil, pair(expr.Tensor.Add)},
		{"add itself", shapes(m), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Add(x).Mul(x) })},
		{"sub", shapes(m, m), true, nil, pair(expr.Tensor.Sub)},
		{"mul", shapes(m, m), true, nil, pair(expr.Tensor.Mul)},
		{"div", shapes(m, m), true, nil, pair(expr.Tensor.Div)},
		{"broadcast rows", shapes(m, S{5}), true, nil, pair(expr.Tensor.Mul)},
		{"broadcast columns", shapes(S{3, 1}, m), true, nil, pair(expr.Tensor.Div)},
		{"broadcast both", shapes(S{3, 1}, S{1, 5}), true, nil, pair(expr.Tensor.Mul)},
		{"broadcast ranks", shapes(S{4, 1, 2}, S{3, 1}), true, nil, pair(expr.Tensor.Mul)},
		{"broadcast column to column", shapes(S{5}, S{5, 1}), true, nil, pair(expr.Tensor.Mul)},
		{"broadcast scalar", shapes(scalar, m), true, nil, pair(expr.Tensor.Mul)},
		{"broadcast one", shapes(S{1}, S{1, 1, 1}), true, nil, pair(expr.Tensor.Mul)},
		{"affine", shapes(m), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Affine(-1.5, 0.25) })},
		{"scalar arithmetic", shapes(scalar, scalar), false, nil, pair(func(x, y expr.Tensor) expr.Tensor { return x.Square().Div(y.Sqrt()) })},
		{"square", shapes(m), true, nil, fluent(expr.Tensor.Square)},
		{"sqrt", shapes(m), false, nil, fluent(expr.Tensor.Sqrt)},
		{"exp", shapes(m), true, nil, fluent(expr.Tensor.Exp)},
		{"log", shapes(m), false, nil, fluent(expr.Tensor.Log)},
		{"reciprocal", shapes(m), true, nil, fluent(expr.Tensor.Reciprocal)},
		{"relu", shapes(m), true, nil, fluent(expr.Tensor.ReLU)},
		{"abs", shapes(m), true, nil, fluent(expr.Tensor.Abs)},
		{"reshape", shapes(S{2, 3, 5}), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Reshape(5, 6).Square() })},
		{"reshape row to column", shapes(S{5}), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Reshape(5, 1).Square() })},
		{"reshape to scalar", shapes(S{1, 1}), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Reshape().Square() })},
		{"transpose", shapes(m), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Transpose().Square() })},
		{"slice rows", shapes(m), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Slice(0, 1, 3).Square() })},
		{"slice inside", shapes(S{3, 5, 2}), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Slice(1, 2, 3).Square() })},
		{"embed", shapes(S{2, 3}), true, nil, apply(expr.Embed, expr.Attrs{Axis: 1, Start: 2, Shape: []int{2, 7}})},
		{"concat", shapes(S{2, 3}, S{2, 1}, S{2, 4}), true, nil, func(x []expr.Tensor) expr.Tensor { return expr.Join(1, x...).Square() }},
		{"gather", shapes(m), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Gather(2, 0, 2, 2).Square() })},
		{"scatter_add", shapes(S{4, 3}), true, nil, apply(expr.ScatterAdd, expr.Attrs{Index: []int{1, 1, 4, 0}, Shape: []int{5, 3}})},
		{"sum", shapes(S{2, 3, 5}), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Square().Sum() })},
		{"sum rows", shapes(m), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Square().Sum(1) })},
		{"sum outer axes", shapes(S{2, 3, 5}), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Square().Sum(0, 2) })},
		{"sum kept", shapes(S{2, 3, 5}), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Square().SumKeep(1) })},
		{"mean", shapes(S{2, 3, 5}), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Square().Mean(2, 0) })},
		{"mean kept", shapes(m), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Square().MeanKeep(0) })},
		{"variance", shapes(S{7, 3}), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Var(1) })},
		{"matmul", shapes(S{3, 5}, S{5, 2}), true, nil, pair(expr.Tensor.MatMul)},
		{"matmul by transpose", shapes(S{3, 5}, S{2, 5}), true, nil, pair(expr.Tensor.MatMulT)},
		{"transpose matmul", shapes(S{5, 3}, S{5, 2}), true, nil, pair(expr.Tensor.TMatMul)},
		{"matmul both transposed", shapes(S{5, 3}, S{2, 5}), true, nil, apply(expr.MatMul, expr.Attrs{TransA: true, TransB: true})},
		{"gram", shapes(S{5, 3}), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.TMatMul(x) })},
		{"diagonal", shapes(S{4, 4}), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.Diagonal().Square() })},
		{"diag_embed", shapes(S{4}), true, nil, apply(expr.DiagEmbed, expr.Attrs{})},
		{"off_diagonal", shapes(S{4, 4}), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.OffDiagonal().Square() })},
		{"softmax", shapes(m), true, nil, fluent(expr.Tensor.Softmax)},
		{"log_softmax", shapes(S{2, 2, 3}), true, nil, fluent(expr.Tensor.LogSoftmax)},
		{"l2", shapes(m), true, nil, fluent(expr.Tensor.L2Normalise)},
		{"cosine", shapes(m, m), true, nil, pair(expr.Tensor.Cosine)},
		{"mse", shapes(m, m), true, nil, pair(expr.Tensor.MSE)},
		{"conv 3x3", shapes(wide, S{3, 3, 3, 2}), true, nil, pair(func(x, w expr.Tensor) expr.Tensor { return x.Conv2D(w, 1, 1) })},
		{"conv stride", shapes(wide, S{3, 3, 3, 2}), true, nil, pair(func(x, w expr.Tensor) expr.Tensor { return x.Conv2D(w, 2, 1) })},
		{"conv oblong", shapes(wide, S{3, 2, 3, 2}), true, nil, pair(func(x, w expr.Tensor) expr.Tensor { return x.Conv2D(w, 3, 0) })},
		{"conv 1x1", shapes(wide, S{1, 1, 3, 4}), true, nil, pair(func(x, w expr.Tensor) expr.Tensor { return x.Conv2D(w, 2, 0) })},
		{"batch norm", shapes(wide, S{3}, S{3}), true, nil, norm(1)},
		{"batch norm of groups", shapes(S{8, 3}, S{3}, S{3}), true, nil, norm(2)},
		{"batch norm without scale", shapes(S{8, 3}), true, nil, norm(2)},
		{"max pool", shapes(wide), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.MaxPool(3, 2, 1) })},
		{"average pool", shapes(wide), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.AvgPool(2, 3) })},
		{"global pool", shapes(wide), true, nil, fluent(func(x expr.Tensor) expr.Tensor { return x.AvgPool(1, 1) })},
		{"custom op", shapes(S{3, 5}, S{4, 5}, scalar), true, nil, func(x []expr.Tensor) expr.Tensor {
			y := x[0].Builder().Custom(kernel{power: 2}, x...)
			return y.At(0).Square().Add(y.At(1))
		}},
		{"stop gradient", shapes(m, m), true, []int{1}, pair(func(x, y expr.Tensor) expr.Tensor { return x.Mul(y.StopGradient()) })},
	}
}

// build makes the case's inputs, output and the cost sum(c * output), with its gradient at every input that has one.
func (c opCase) build(t *testing.T) (b *expr.Builder, out expr.Tensor, wrt []int, grads []expr.Tensor) {
	t.Helper()
	b = expr.New()
	x := make([]expr.Tensor, len(c.shapes))
	var at []expr.Tensor
	for i, s := range c.shapes {
		x[i] = b.Input(fmt.Sprint("x", i), s...)
		if !slices.Contains(c.fixed, i) {
			wrt, at = append(wrt, i), append(at, x[i])
		}
	}
	out = c.f(x)
	cost := out.Mul(b.Input("c", out.Shape()...)).Sum()
	grads, err := b.Grad(cost, at...)
	if err != nil {
		t.Fatal(err)
	}
	return b, out, wrt, grads
}

func (c opCase) values(out expr.Tensor) map[string][]float32 {
	r := rand.New(rand.NewPCG(1, uint64(len(c.name))))
	values := map[string][]float32{}
	for i, s := range c.shapes {
		values[fmt.Sprint("x", i)] = grid(r, s.TotalSize(), c.signed)
	}
	values["c"] = grid(r, out.Shape().TotalSize(), true)
	return values
}

func grid(r *rand.Rand, n int, signed bool) []float32 {
	v := make([]float32, n)
	for i, at := range r.Perm(n) {
		v[i] = 0.5 + float32(at)/float32(n)
		if signed && r.IntN(2) == 0 {
			v[i] = -v[i]
		}
	}
	return v
}

// TestGradients compares every symbolic gradient with central finite differences of the reference.
func TestGradients(t *testing.T) {
	for _, c := range opCases() {
		t.Run(c.name, func(t *testing.T) {
			_, out, wrt, grads := c.build(t)
			values := c.values(out)
			got, err := exprtest.Eval(values, grads...)
			if err != nil {
				t.Fatal(err)
			}
			for i, input := range wrt {
				if !slices.Equal(grads[i].Shape(), c.shapes[input]) {
					t.Fatalf("the gradient of input %d is %v, the input %v", input, grads[i].Shape(), c.shapes[input])
				}
				want := differences(t, out, values, fmt.Sprint("x", input))
				for j, w := range want {
					if math.Abs(float64(got[i][j])-w) > 2e-3*(1+math.Abs(w)) {
						t.Fatalf("input %d, element %d: gradient %g, finite difference %g", input, j, got[i][j], w)
					}
				}
			}
		})
	}
}

// differences are central finite differences of sum(c * out), the sum in float64.
func differences(t *testing.T, out expr.Tensor, values map[string][]float32, name string) []float64 {
	t.Helper()
	const h = 1.0 / 256
	x := values[name]
	cost := func() float64 {
		y, err := exprtest.Eval(values, out)
		if err != nil {
			t.Fatal(err)
		}
		var sum float64
		for i, v := range y[0] {
			sum += float64(v) * float64(values["c"][i])
		}
		return sum
	}
	d := make([]float64, len(x))
	for i, at := range x {
		x[i] = at + h
		above := cost()
		x[i] = at - h
		d[i] = (above - cost()) / (2 * h)
		x[i] = at
	}
	return d
}

// TestEveryKindIsDifferentiated: the cases of TestGradients reach the whole op set, gradients included.
func TestEveryKindIsDifferentiated(t *testing.T) {
	met := map[expr.Kind]bool{}
	for _, c := range opCases() {
		b, _, _, _ := c.build(t)
		for _, n := range b.Graph().AllNodes() {
			if op, ok := n.Op().(*expr.Op); ok {
				met[op.Kind] = true
			}
		}
	}
	for _, k := range expr.Kinds() {
		if !met[k] {
			t.Errorf("no case has %s", k)
		}
	}
}

// TestTapeMachine: Gorgonia's own machine runs every case, forward and backward, to the reference's bits.
func TestTapeMachine(t *testing.T) {
	for _, c := range opCases() {
		t.Run(c.name, func(t *testing.T) {
			_, out, _, grads := c.build(t)
			values := c.values(out)
			want, err := exprtest.Eval(values, append(grads, out)...)
			if err != nil {
				t.Fatal(err)
			}
			got, err := exprtest.Tape(values, append(grads, out)...)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("output %d: the tape gives %v, the reference %v", i, got[i], want[i])
				}
			}
		})
	}
}
