package expr_test

import (
	"errors"
	"math"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/sdk/expr"
)

// TestShapeErrors: each contradiction is refused, with the line that wrote it, and what follows adds nothing.
func TestShapeErrors(t *testing.T) {
	tests := []struct {
		name string
		make func(b *expr.Builder)
		want string
	}{
		{"broadcast", func(b *expr.Builder) { b.Input("x", 2, 3).Add(b.Input("y", 2)) }, "cannot broadcast"},
		{"matmul", func(b *expr.Builder) { b.Input("x", 2, 3).MatMul(b.Input("y", 2, 3)) }, "inner axes differ"},
		{"matmul of a vector", func(b *expr.Builder) { b.Input("x", 2, 3).MatMul(b.Input("y", 3)) }, "two matrices"},
		{"reshape", func(b *expr.Builder) { b.Input("x", 2, 3).Reshape(5) }, "6 elements"},
		{"reshape to nothing", func(b *expr.Builder) { b.Input("x", 2, 3).Reshape(6, 0) }, "not a shape"},
		{"axis", func(b *expr.Builder) { b.Input("x", 2, 3).Sum(2) }, "not distinct axes"},
		{"axis twice", func(b *expr.Builder) { b.Input("x", 2, 3).Sum(1, 1) }, "not distinct axes"},
		{"mean over no axis", func(b *expr.Builder) { b.Input("x", 2, 3).Mean(5) }, ""},
		{"dimension", func(b *expr.Builder) { b.Input("x", 2, 3).Dim(2) }, "no axis 2"},
		{"slice", func(b *expr.Builder) { b.Input("x", 2, 3).Slice(1, 2, 4) }, "not within axis"},
		{"empty slice", func(b *expr.Builder) { b.Input("x", 2, 3).Slice(1, 2, 2) }, "not within axis"},
		{"join", func(b *expr.Builder) { expr.Join(0, b.Input("x", 2, 3), b.Input("y", 2, 4)) }, "differ outside axis"},
		{"gather", func(b *expr.Builder) { b.Input("x", 2, 3).Gather(2) }, "row 2"},
		{"diagonal", func(b *expr.Builder) { b.Input("x", 2, 3).Diagonal() }, "square"},
		{"transpose", func(b *expr.Builder) { b.Input("x", 2, 3, 4).Transpose() }, "matrix"},
		{"softmax of a scalar", func(b *expr.Builder) { b.Input("x").Softmax() }, "at least one axis"},
		{"variance of one row", func(b *expr.Builder) { b.Input("x", 1, 3).Var(1) }, "variance of 1 rows"},
		{"convolution channels", func(b *expr.Builder) { b.Input("x", 1, 5, 5, 3).Conv2D(b.Input("w", 3, 3, 2, 4), 1, 1) }, "channels"},
		{"convolution window", func(b *expr.Builder) { b.Input("x", 1, 2, 2, 3).Conv2D(b.Input("w", 5, 5, 3, 4), 1, 0) }, "larger than"},
		{"convolution stride", func(b *expr.Builder) { b.Input("x", 1, 5, 5, 3).Conv2D(b.Input("w", 3, 3, 3, 4), 0, 1) }, "stride"},
		{"pool padding", func(b *expr.Builder) { b.Input("x", 1, 5, 5, 3).MaxPool(2, 2, 2) }, "padding"},
		{"average to more", func(b *expr.Builder) { b.Input("x", 1, 5, 5, 3).AvgPool(6, 1) }, "cannot average"},
		{"groups", func(b *expr.Builder) { b.Apply(expr.BNStats, expr.Attrs{Groups: 2}, b.Input("x", 5, 3)) }, "groups"},
		{"eps", func(b *expr.Builder) {
			x := b.Input("x", 4, 3)
			b.Apply(expr.BNApply, expr.Attrs{Groups: 1, Eps: math.NaN()}, x, b.Apply(expr.BNStats, expr.Attrs{Groups: 1}, x))
		}, "eps"},
		{"arity", func(b *expr.Builder) { b.Apply(expr.Add, expr.Attrs{}, b.Input("x", 2)) }, "takes 2 operands"},
		{"kind", func(b *expr.Builder) { b.Apply("cube", expr.Attrs{}, b.Input("x", 2)) }, "unknown op"},
		{"another graph", func(b *expr.Builder) { b.Input("x", 2).Add(expr.New().Input("y", 2)) }, "another graph"},
		{"input axis", func(b *expr.Builder) { b.Input("x", 2, 0) }, "at least 1"},
		{"input name", func(b *expr.Builder) { b.Input("", 2) }, "without a name"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			b := expr.New()
			tc.make(b)
			first := b.Err()
			if first == nil || !strings.Contains(first.Error(), tc.want) {
				t.Fatalf("error %v, want %q", first, tc.want)
			}
			var e *expr.Error
			if !errors.As(first, &e) || !strings.HasPrefix(e.Line, "builder_test.go:") {
				t.Errorf("the line is %q", e.Line)
			}
			nodes := len(b.Graph().AllNodes())
			after := b.Input("after", 2).Square()
			if after.Node() != nil || !errors.Is(b.Err(), first) || len(b.Graph().AllNodes()) > nodes+1 {
				t.Errorf("the graph goes on after the error: %v", b.Err())
			}
		})
	}
}

// TestErrorLine: the line is the author's, not the package's, through fluent methods that are made of others.
func TestErrorLine(t *testing.T) {
	b := expr.New()
	x, y := b.Input("x", 4, 3), b.Input("y", 5, 3)
	_, _, line, _ := runtime.Caller(0)
	x.Cosine(y)
	if want := "builder_test.go:" + strconv.Itoa(line+1) + ": "; !strings.HasPrefix(b.Err().Error(), want) {
		t.Errorf("error %q, want the line %q", b.Err(), want)
	}
}

// TestGradRefuses what has no gradient, and gives none where the cost depends on nothing.
func TestGradRefuses(t *testing.T) {
	b := expr.New()
	x, y := b.Input("x", 2), b.Input("y", 2)
	if _, err := b.Grad(x.Square(), x); err == nil || !strings.Contains(err.Error(), "scalar") {
		t.Errorf("gradient of a vector: %v", err)
	}
	if _, err := b.Grad(expr.New().Input("x"), x); err == nil {
		t.Error("gradient of another graph's cost")
	}
	g, err := b.Grad(x.Sum(), x, y)
	if err != nil || g[0].Node() == nil || g[1].Node() != nil {
		t.Errorf("gradients %v, %v; want one and none", g, err)
	}
	b = expr.New()
	if _, err := b.Grad(b.Input("x", 2).Sum(), expr.Tensor{}); err == nil {
		t.Error("gradient with respect to no expression")
	}
}
