package tape_test

import (
	"context"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/sdk/expr"
)

// TestRuns checks that a loaded plan reads inputs anew at each run and that outputs may be inputs and scalars.
func TestRuns(t *testing.T) {
	b := expr.New()
	x, s := b.Input("x", 2, 3), b.Input("s")
	y := x.Mul(s).Sum()
	grads, err := b.Grad(y, x, s)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := engine.Compile(y, grads[0], grads[1], x)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := tape.Device{}.Load(plan)
	if err != nil {
		t.Fatal(err)
	}
	data, scale := []float32{1, 2, 3, 4, 5, 6}, []float32{2}
	if err := exe.Run(context.Background()); err == nil {
		t.Error("ran without inputs")
	}
	if err := exe.Bind(x, data); err != nil {
		t.Fatal(err)
	}
	if err := exe.Bind(s, scale); err != nil {
		t.Fatal(err)
	}
	for _, want := range []float32{42, 63} {
		if err := exe.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := exe.Read(y)[0]; got != want {
			t.Errorf("sum = %v, want %v", got, want)
		}
		if g := exe.Read(grads[0]); len(g) != 6 || g[5] != scale[0] || exe.Read(grads[1])[0] != 21 {
			t.Errorf("gradients %v, %v", g, exe.Read(grads[1]))
		}
		scale[0]++
	}
	if got := exe.Read(x); &got[0] != &data[0] {
		t.Error("an input reads as other memory")
	}
}
