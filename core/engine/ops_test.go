package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/sdk/expr"
)

// TestEveryOp holds the CPU's kernel of every op to the reference on the TapeMachine, on every instruction set, and its bits
// to be the same for any number of threads.
func TestEveryOp(t *testing.T) {
	seen := map[expr.Kind]bool{}
	for _, c := range enginetest.Ops() {
		seen[c.Kind] = true
		t.Run(fmt.Sprint(c.Kind, c.Shapes, c.Attrs), func(t *testing.T) { checkOp(t, c) })
	}
	for _, kind := range expr.Kinds() {
		if !seen[kind] {
			t.Errorf("op %s has no case", kind)
		}
	}
}

func checkOp(t *testing.T, c enginetest.Op) {
	b := expr.New()
	in, out := c.Apply(b, "x")
	if b.Err() != nil {
		t.Fatal(b.Err())
	}
	values := enginetest.DrawPositive(in)
	want := enginetest.Run(t, tape.Device{}, []expr.Tensor{out}, in, values)[0]
	for _, isa := range kernel.ISAs() {
		var first []float32
		for _, threads := range []int{1, 3} {
			pool := kernel.NewPool(threads, kernel.WithISA(isa))
			got := enginetest.Run(t, cpu.New(pool), []expr.Tensor{out}, in, values)[0]
			pool.Close()
			if first == nil {
				first = got
				if d := enginetest.Distance(got, want); d > 1e-5 {
					t.Errorf("%v: differs from the reference by %.2g relative", isa, d)
				}
			}
			if !slices.Equal(got, first) {
				t.Errorf("%v: %d threads give other bits than one", isa, threads)
			}
		}
	}
}
