package kernels_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/internal/cuda/devicetest"
	"github.com/sslctl/sslctl/sdk/expr"
)

// tolerance bounds the difference from the references, which compute in float64, relative to the largest magnitude. A result
// that is stored in bf16 may besides be off by half a unit in its last place, 2^-9 of itself.
const tolerance = 1e-5

// images are the operands of which kernels take bf16 as well; results are then bf16 too, except those of keepsFloat.
var images = map[expr.Kind][]int{
	expr.Conv2D: {0}, expr.Conv2DGradX: {0}, expr.Conv2DGradW: {0, 1}, expr.BNStats: {0}, expr.BNApply: {0}, expr.BNReduce: {0, 1},
	expr.BNGrad: {0, 1}, expr.MaxPool: {0}, expr.MaxPoolGrad: {0, 1}, expr.AvgPool: {0}, expr.AvgPoolGrad: {0},
	expr.Add: {0, 1}, expr.Mul: {0}, expr.ReLU: {0}, expr.ReLUGrad: {0, 1}, expr.Affine: {0}, expr.Sum: {0}, expr.Slice: {0},
}

var keepsFloat = []expr.Kind{expr.Conv2DGradW, expr.BNStats, expr.BNReduce, expr.AvgPool, expr.Sum}

// positive are the operands that must be above 0: of roots and quotients, and statistics, which hold variances.
var positive = map[expr.Kind][]int{
	expr.Sqrt: {0}, expr.Log: {0}, expr.Div: {1}, expr.Reciprocal: {0}, expr.BNApply: {1}, expr.BNReduce: {2}, expr.BNGrad: {2},
}

// oddOps are the ops of package enginetest and more sizes, around what threads, warps and vectors take at once.
func oddOps() []enginetest.Op {
	ops := enginetest.Ops()
	add := func(kind expr.Kind, attrs expr.Attrs, shapes ...expr.Shape) {
		ops = append(ops, enginetest.Op{Kind: kind, Attrs: attrs, Shapes: shapes})
	}
	for _, n := range []int{1, 3, 31, 32, 33, 257} {
		for _, m := range []int{1, 5, 256, 1023} {
			s := expr.Shape{n, m}
			add(expr.Sum, expr.Attrs{Axes: []int{0}}, s)
			add(expr.Sum, expr.Attrs{Axes: []int{1}}, s)
			add(expr.Softmax, expr.Attrs{}, s)
			add(expr.Transpose, expr.Attrs{}, s)
		}
		add(expr.MatMul, expr.Attrs{TransA: true}, expr.Shape{n, 65}, expr.Shape{n, 3})
		add(expr.LogSoftmax, expr.Attrs{}, expr.Shape{2, n})
		add(expr.OffDiagonal, expr.Attrs{}, expr.Shape{n, n})
		add(expr.DiagEmbed, expr.Attrs{}, expr.Shape{n})
		add(expr.Gather, expr.Attrs{Index: []int{2, 0, 2}}, expr.Shape{3, n})
		add(expr.Sum, expr.Attrs{Axes: []int{0, 2}}, expr.Shape{3, 5, n, 2})
	}
	add(expr.Sum, expr.Attrs{Axes: []int{0, 1}}, expr.Shape{257, 1030})      // two stages
	add(expr.Sum, expr.Attrs{Axes: []int{0}}, expr.Shape{4001, 12})          // two stages down the columns
	add(expr.MatMul, expr.Attrs{}, expr.Shape{7, 1500}, expr.Shape{1500, 9}) // inner indices in parts
	add(expr.MatMul, expr.Attrs{TransB: true}, expr.Shape{129, 33}, expr.Shape{1100, 33})
	add(expr.BNStats, expr.Attrs{Groups: 1}, expr.Shape{1, 1, 1, 3})
	add(expr.BNStats, expr.Attrs{Groups: 3}, expr.Shape{9, 23, 21, 8})
	add(expr.BNReduce, expr.Attrs{Groups: 1, Eps: 1e-5}, expr.Shape{9, 23, 21, 8}, expr.Shape{9, 23, 21, 8}, expr.Shape{1, 2, 8})
	add(expr.MaxPool, expr.Attrs{Kernel: 2, Stride: 2}, expr.Shape{3, 8, 8, 16})
	add(expr.MaxPoolGrad, expr.Attrs{Kernel: 3, Stride: 1, Pad: 1}, expr.Shape{1, 5, 6, 3}, expr.Shape{1, 5, 6, 3})
	add(expr.MaxPool, expr.Attrs{Kernel: 3, Stride: 2, Pad: 1}, expr.Shape{2, 9, 7, 8})
	add(expr.MaxPoolGrad, expr.Attrs{Kernel: 3, Stride: 2, Pad: 1}, expr.Shape{2, 5, 4, 8}, expr.Shape{2, 9, 7, 8})
	add(expr.AvgPool, expr.Attrs{Shape: []int{1, 1}}, expr.Shape{3, 4, 4, 24})
	add(expr.AvgPoolGrad, expr.Attrs{Shape: []int{4, 4}}, expr.Shape{3, 1, 1, 24})
	add(expr.Slice, expr.Attrs{Axis: 0, Start: 2, Stop: 6}, expr.Shape{7, 3, 3, 8})
	add(expr.Embed, expr.Attrs{Axis: 0, Start: 4, Shape: []int{9, 8}}, expr.Shape{4, 8})
	return ops
}

// applied is an op as a computation, with its reference.
type applied struct {
	*computation
	op   *expr.Op
	bf16 bool
}

func apply(t *testing.T, o enginetest.Op, bf16 bool) applied {
	t.Helper()
	b := expr.New()
	in, out := o.Apply(b, "x")
	if b.Err() != nil {
		t.Fatal(o, b.Err())
	}
	plan, err := engine.Compile(out)
	if err != nil {
		t.Fatal(err)
	}
	values := enginetest.Draw(in)
	for _, i := range positive[o.Kind] {
		for j, v := range values[i] {
			values[i][j] = v*v + 0.1
		}
	}
	if bf16 && len(plan.Instrs) > 0 { // views are stored as what they are views of
		storeImages(plan, o.Kind, in, out, values)
	}
	name := fmt.Sprintf("%s %v %+v bf16=%t", o.Kind, o.Shapes, o.Attrs, bf16)
	return applied{newComputation(t, name, plan, in, []expr.Tensor{out}, values), out.Node().Op().(*expr.Op), bf16 && len(plan.Instrs) > 0}
}

// storeImages stores operands and result in bf16 where the kind allows it, and rounds the operands' values.
func storeImages(plan *engine.Plan, kind expr.Kind, in []expr.Tensor, out expr.Tensor, values [][]float32) {
	for _, i := range images[kind] {
		if id, ok := plan.Find(in[i]); ok {
			plan.Values[id].Type = engine.BFloat16
			for j, v := range values[i] {
				values[i][j] = devicetest.BFloat16.Round(float64(v))
			}
		}
	}
	if id, ok := plan.Find(out); ok && !slices.Contains(keepsFloat, kind) {
		plan.Values[id].Type = engine.BFloat16
	}
}

// check compares with the reference.
func (a applied) check(t *testing.T, got []float32) {
	t.Helper()
	want := make([]float32, len(got))
	if err := a.op.Compute(want, a.values); err != nil {
		t.Fatal(err)
	}
	slack := tolerance * enginetest.Magnitude(want)
	for i := range want {
		limit := slack
		if a.bf16 && !slices.Contains(keepsFloat, a.op.Kind) {
			limit += math.Abs(float64(want[i])) / 256
		}
		if d := math.Abs(float64(got[i] - want[i])); !(d <= limit) {
			t.Fatalf("%s: element %d is %v, the reference gives %v", a.name, i, got[i], want[i])
		}
	}
}

// TestEveryOp holds every kernel to the references of package expr, at odd sizes, in float32 and in bf16. It also holds
// testdata/ops.txt, which docs/plugins/ops.md shows, to which functions compute which op.
func TestEveryOp(t *testing.T) {
	var all []applied
	for _, o := range oddOps() {
		all = append(all, apply(t, o, false))
		if len(images[o.Kind]) > 0 {
			all = append(all, apply(t, o, true))
		}
	}
	var computations []*computation
	functions := map[expr.Kind][]string{}
	for _, a := range all {
		computations = append(computations, a.computation)
		functions[a.op.Kind] = append(functions[a.op.Kind], called(a.lowered)...)
	}
	m := newMachine(t, computations...)
	for _, a := range all {
		a.check(t, m.run(a.computation)[0])
	}
	if m.Fake != nil { // where a GPU is, the file is not
		golden(t, "ops.txt", table(t, functions))
	}
}

// called lists the functions of the library that launches call, without the digests of their instances.
func called(all []kernels.Lowered) []string {
	var names []string
	for _, l := range all {
		for _, c := range l.Calls {
			names = append(names, c.Kernel[:strings.LastIndexByte(c.Kernel, '_')])
		}
	}
	return names
}

// table has a line an op: its functions, "view" where the plan needs none.
func table(t *testing.T, functions map[expr.Kind][]string) string {
	var s strings.Builder
	seen := map[string]bool{}
	for _, kind := range expr.Kinds() {
		names, tested := functions[kind]
		if !tested {
			t.Errorf("op %s has no case", kind)
		}
		slices.Sort(names)
		names = slices.Compact(names)
		for _, n := range names {
			seen[n] = true
		}
		if len(names) == 0 {
			names = []string{"view"}
		}
		fmt.Fprintf(&s, "%s: %s\n", kind, strings.Join(names, ", "))
	}
	t.Logf("%d ops, %d functions", len(expr.Kinds()), len(seen))
	return s.String()
}

// TestNaN: a NaN in the first operand reaches the same elements of the result as in the references, so that a run that diverges
// shows it.
func TestNaN(t *testing.T) {
	image, stats := expr.Shape{4, 5, 5, 8}, expr.Shape{2, 2, 8}
	norm := expr.Attrs{Groups: 2, Eps: 1e-5}
	ops := []enginetest.Op{
		{Kind: expr.Add, Shapes: []expr.Shape{{3, 33}, {3, 33}}},
		{Kind: expr.ReLU, Shapes: []expr.Shape{{3, 33}}},
		{Kind: expr.ReLUGrad, Shapes: []expr.Shape{{3, 33}, {3, 33}}},
		{Kind: expr.Abs, Shapes: []expr.Shape{{3, 33}}},
		{Kind: expr.Sum, Attrs: expr.Attrs{Axes: []int{1}}, Shapes: []expr.Shape{{3, 33}}},
		{Kind: expr.Sum, Attrs: expr.Attrs{Axes: []int{0}}, Shapes: []expr.Shape{{3, 33}}},
		{Kind: expr.Softmax, Shapes: []expr.Shape{{3, 33}}},
		{Kind: expr.LogSoftmax, Shapes: []expr.Shape{{3, 33}}},
		{Kind: expr.MatMul, Shapes: []expr.Shape{{3, 33}, {33, 5}}},
		{Kind: expr.Conv2D, Attrs: expr.Attrs{Stride: 1, Pad: 1}, Shapes: []expr.Shape{image, {3, 3, 8, 4}}},
		{Kind: expr.BNStats, Attrs: norm, Shapes: []expr.Shape{image}},
		{Kind: expr.BNApply, Attrs: norm, Shapes: []expr.Shape{image, stats}},
		{Kind: expr.BNReduce, Attrs: norm, Shapes: []expr.Shape{image, image, stats}},
		{Kind: expr.MaxPool, Attrs: expr.Attrs{Kernel: 3, Stride: 2, Pad: 1}, Shapes: []expr.Shape{image}},
		{Kind: expr.AvgPool, Attrs: expr.Attrs{Shape: []int{1, 1}}, Shapes: []expr.Shape{image}},
	}
	var all []applied
	var computations []*computation
	for _, o := range ops {
		for _, bf16 := range []bool{false, len(images[o.Kind]) > 0} {
			a := apply(t, o, bf16)
			a.values[0][len(a.values[0])/2] = float32(math.NaN())
			all, computations = append(all, a), append(computations, a.computation)
		}
	}
	m := newMachine(t, computations...)
	for _, a := range all {
		got := m.run(a.computation)[0]
		want := make([]float32, len(got))
		if err := a.op.Compute(want, a.values); err != nil {
			t.Fatal(err)
		}
		reached := false
		for i := range want {
			reached = reached || want[i] != want[i]
			if (got[i] != got[i]) != (want[i] != want[i]) {
				t.Errorf("%s: element %d is %v, the reference gives %v", a.name, i, got[i], want[i])
				break
			}
		}
		if !reached {
			t.Errorf("%s: the NaN is lost in the reference too", a.name)
		}
	}
}
