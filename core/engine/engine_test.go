package engine_test

import (
	"fmt"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/sdk/expr"
)

// TestDevices runs every graph with its gradients on the CPU, on every instruction set and with 1, 2 and 5 threads, and
// compares with Gorgonia's TapeMachine; the CPU's results must be equal to the bit whatever the number of threads.
func TestDevices(t *testing.T) {
	for name, build := range enginetest.Graphs() {
		t.Run(name, func(t *testing.T) {
			b := expr.New()
			cost, wrt := build(b)
			if b.Err() != nil {
				t.Fatal(b.Err())
			}
			grads, err := b.Grad(cost, wrt...)
			if err != nil {
				t.Fatal(err)
			}
			outputs := append([]expr.Tensor{cost}, grads...)
			values := enginetest.Draw(b.Inputs())
			want := enginetest.Run(t, tape.Device{}, outputs, b.Inputs(), values)
			for _, isa := range kernel.ISAs() {
				var first [][]float32
				for _, threads := range []int{1, 2, 5} {
					pool := kernel.NewPool(threads, kernel.WithISA(isa))
					got := enginetest.Run(t, cpu.New(pool), outputs, b.Inputs(), values)
					pool.Close()
					if first == nil {
						first = got
						for i := range got {
							if d := enginetest.Distance(got[i], want[i]); d > 2e-5 {
								t.Errorf("%v: output %d differs from the TapeMachine by %.2g relative", isa, i, d)
							}
						}
					}
					if fmt.Sprint(got) != fmt.Sprint(first) {
						t.Errorf("%v: %d threads give other bits than one", isa, threads)
					}
				}
			}
		})
	}
}

// TestContract holds the CPU and the TapeMachine to what package engine promises of executables.
func TestContract(t *testing.T) {
	pool := kernel.NewPool(2)
	defer pool.Close()
	for _, d := range []engine.Device{cpu.New(pool), tape.Device{}} {
		t.Run(d.Name(), func(t *testing.T) { enginetest.Contract(t, d) })
	}
}
