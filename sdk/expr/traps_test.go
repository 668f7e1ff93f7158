package expr_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sourcegraph/conc"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
	"gorgonia.org/gorgonia"
)

// The tests of this file hold the builder to what Gorgonia by itself does not promise.

// TestInputsOfEqualShapeStayApart: Gorgonia takes unnamed or same-named inputs for one node.
func TestInputsOfEqualShapeStayApart(t *testing.T) {
	b := expr.New()
	x, y := b.Input("x", 2), b.Input("y", 2)
	got, err := exprtest.Eval(map[string][]float32{"x": {5, 7}, "y": {1, 2}}, x.Sub(y))
	if err != nil || !slices.Equal(got[0], []float32{4, 5}) {
		t.Errorf("got %v, %v", got, err)
	}
	b.Input("x", 3)
	if b.Err() == nil {
		t.Error("a second input of one name was accepted")
	}
}

// TestNodesNeverMerge: Gorgonia merges nodes whose 32-bit hashes collide, whatever their operands. Among 2,000 inputs of
// one shape under one op each node must keep its own operand.
func TestNodesNeverMerge(t *testing.T) {
	b := expr.New()
	seen := map[*gorgonia.Node]bool{}
	hashes := map[uint32]bool{}
	for i := range 2000 {
		x := b.Input("x"+strings.Repeat("i", i%7)+string(rune('0'+i%10))+string(rune(0x4e00+i)), 3)
		y := x.ReLU()
		if seen[y.Node()] || expr.Children(y.Node())[0] != x.Node() {
			t.Fatalf("node %d was merged with another", i)
		}
		seen[y.Node()] = true
		h := y.Node().Op().Hashcode()
		if hashes[h] {
			t.Fatalf("two applications have the hash %d", h)
		}
		hashes[h] = true
	}
	x := b.Input("x", 3)
	if first, second := x.ReLU(), x.ReLU(); first.Node() == second.Node() {
		t.Error("two applications are one node; merging is the compiler's work")
	}
}

// TestSecondGradient: Gorgonia would return the first cost's gradient again.
func TestSecondGradient(t *testing.T) {
	b := expr.New()
	x := b.Input("x", 3)
	if _, err := b.Grad(x.Square().Sum(), x); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Grad(x.Scale(3).Sum(), x); err == nil {
		t.Error("the graph was differentiated twice")
	}
}

// TestStopGradientInside: below a stopped node nothing is differentiated, beside it everything is.
func TestStopGradientInside(t *testing.T) {
	b := expr.New()
	x, w := b.Input("x", 2), b.Input("w", 2)
	y := x.Mul(w)
	cost := y.Mul(y.Exp().StopGradient()).Sum()
	g, err := b.Grad(cost, x)
	if err != nil {
		t.Fatal(err)
	}
	got, err := exprtest.Eval(map[string][]float32{"x": {0, 0}, "w": {2, 3}}, g...)
	if err != nil || !slices.Equal(got[0], []float32{2, 3}) {
		t.Errorf("gradient %v, want w*exp(0) = [2 3] (%v)", got, err)
	}
}

// TestOnlyStopped: where every way to the input is stopped there is no gradient to give.
func TestOnlyStopped(t *testing.T) {
	b := expr.New()
	x := b.Input("x", 2)
	g, err := b.Grad(x.StopGradient().Sum(), x)
	if err != nil || g[0].Node() != nil {
		t.Errorf("gradient %v through a stopped node (%v)", g, err)
	}
}

// TestManyGradientsAreAdded: sums of gradients are Gorgonia's own nodes, one for each addition.
func TestManyGradientsAreAdded(t *testing.T) {
	const uses = 40
	b := expr.New()
	x := b.Input("x", 3)
	total := x.Scale(1).Sum()
	for i := range uses {
		total = total.Add(x.Scale(float64(i)).Sum())
	}
	g, err := b.Grad(total, x)
	if err != nil {
		t.Fatal(err)
	}
	added := 0
	for _, n := range b.Graph().AllNodes() {
		if op, ok := n.Op().(gorgonia.BinaryOp); ok && op.String() == "+ false" {
			added++
		}
	}
	if added != uses {
		t.Errorf("%d sums for %d gradients", added, uses+1)
	}
	got, err := exprtest.Eval(map[string][]float32{"x": {1, 2, 3}}, g...)
	want := float32(1 + uses*(uses-1)/2)
	if err != nil || !slices.Equal(got[0], []float32{want, want, want}) {
		t.Errorf("gradient %v, want %v (%v)", got, want, err)
	}
}

// TestVectorsAreNotColumns: Gorgonia's Shape.Eq takes [n], [n, 1] and [1, n] for one another.
func TestVectorsAreNotColumns(t *testing.T) {
	b := expr.New()
	v := b.Input("v", 3)
	if got := v.Reshape(3, 1).Shape(); !slices.Equal(got, expr.Shape{3, 1}) {
		t.Errorf("reshape to a column gives %v", got)
	}
	if got := v.Add(v.Reshape(3, 1)).Shape(); !slices.Equal(got, expr.Shape{3, 3}) {
		t.Errorf("vector plus column gives %v", got)
	}
	if b.Apply(expr.Add, expr.Attrs{}, v, v.Reshape(3, 1)); b.Err() == nil {
		t.Error("a vector and a column have one shape")
	}
}

// TestConcurrentBuilders: Gorgonia's first gradients race when two graphs are built at once (run with -race).
func TestConcurrentBuilders(t *testing.T) {
	var wg conc.WaitGroup
	for range 4 {
		wg.Go(func() {
			b := expr.New()
			x, w := b.Input("x", 3, 4), b.Input("w", 5, 4)
			if _, err := b.Grad(x.MatMulT(w).ReLU().Square().Sum(), w); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
