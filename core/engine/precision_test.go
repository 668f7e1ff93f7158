package engine_test

import (
	"fmt"
	"testing"

	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/enginetest"
)

// TestBF16 stores activations in bfloat16, on every instruction set; the bits are the same whatever the number of threads.
func TestBF16(t *testing.T) {
	for _, isa := range kernel.ISAs() {
		t.Run(isa.String(), func(t *testing.T) { sameBits(t, enginetest.StoredInBF16, kernel.WithISA(isa)) })
		if isa.Dots() {
			t.Run(isa.String()+" multiplying in either", func(t *testing.T) { sameBits(t, enginetest.MultipliedInBF16, kernel.WithISA(isa), kernel.WithDots(2)) })
			t.Run(isa.String()+" multiplying in bfloat16", func(t *testing.T) {
				sameBits(t, enginetest.MultipliedInBF16, kernel.WithISA(isa), kernel.WithDots(kernel.Everywhere))
			})
		}
	}
}

// sameBits holds the device of a pool to the suite with some numbers of threads.
func sameBits(t *testing.T, tolerance float64, options ...kernel.Option) {
	t.Helper()
	var first [][]float32
	for _, threads := range []int{1, 2, 5} {
		pool := kernel.NewPool(threads, options...)
		got := enginetest.BF16(t, cpu.New(pool), tolerance)
		pool.Close()
		if first == nil {
			first = got
		}
		if fmt.Sprint(got) != fmt.Sprint(first) {
			t.Errorf("%d threads give other bits than one", threads)
		}
	}
}
