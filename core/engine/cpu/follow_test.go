package cpu

import (
	"fmt"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/sdk/expr"
)

// TestFollowing lists which instructions of a residual block's step run in the tasks of which convolution: all statistics, and
// all sums with the addition before them, behind strided convolutions too.
func TestFollowing(t *testing.T) {
	b := expr.New()
	var wrt []expr.Tensor
	layer := func(x expr.Tensor, k, filters, stride int) expr.Tensor {
		c := x.Shape()[3]
		w, gamma, beta := b.Input(fmt.Sprint("w", len(wrt)), k, k, c, filters), b.Input(fmt.Sprint("g", len(wrt)), filters), b.Input(fmt.Sprint("b", len(wrt)), filters)
		wrt = append(wrt, w, gamma, beta)
		y := x.Conv2D(w, stride, k/2)
		a := expr.Attrs{Groups: 2, Eps: 1e-5}
		return b.Apply(expr.BNApply, a, y, b.Apply(expr.BNStats, expr.Attrs{Groups: 2}, y), gamma, beta)
	}
	x := layer(b.Input("x", 32, 8, 8, 3), 3, 32, 1).ReLU()
	block := layer(layer(x, 1, 32, 1).ReLU(), 3, 32, 1).Add(x).ReLU()
	last := layer(layer(block, 3, 32, 2).ReLU(), 3, 32, 1).Add(layer(block, 1, 32, 2)).ReLU()
	cost := last.Square().Mean()
	grads, err := b.Grad(cost, wrt...)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := engine.Compile(append(grads, cost)...)
	if err != nil {
		t.Fatal(err)
	}
	pool := kernel.NewPool(1)
	defer pool.Close()
	loaded, err := New(pool).Load(plan)
	if err != nil {
		t.Fatal(err)
	}
	e := loaded.(*Executable)
	var got []string
	for i := 0; i < len(plan.Instrs); {
		in := plan.Instrs[i]
		group := fmt.Sprint(in.Kind)
		for i++; i < len(plan.Instrs) && e.leaders[i] != i; i++ {
			group += fmt.Sprint(" ", plan.Instrs[i].Kind)
		}
		if in.Kind == expr.Conv2D || in.Kind == expr.Conv2DGradX {
			got = append(got, fmt.Sprintf("%s stride %d", group, in.Attrs.Stride))
		}
	}
	want := []string{
		"conv2d bn_stats stride 1", "conv2d bn_stats stride 1", "conv2d bn_stats stride 1",
		"conv2d bn_stats stride 2", "conv2d bn_stats stride 1", "conv2d bn_stats stride 2",
		"conv2d_grad_x stride 2", "conv2d_grad_x bn_reduce stride 1", "conv2d_grad_x fused bn_reduce stride 2",
		"conv2d_grad_x bn_reduce stride 1", "conv2d_grad_x fused bn_reduce stride 1",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%q, want\n%q\n%v", got, want, plan)
	}
}
