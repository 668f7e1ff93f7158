package devicetest

import (
	"fmt"
	"math/rand/v2"

	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// Draw is n small multiples of a quarter, of which products and sums are exact.
func Draw(r *rand.Rand, n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(r.IntN(17)-8) / 4
	}
	return values
}

// Computes compares what enqueue lets the stream write to a place with exact results, rounded once: at once, and from a captured
// graph.
func (d *Device) Computes(enqueue func() error, out drv.Ptr, want []float64, s Storage) error {
	d.t.Helper()
	d.Check(enqueue())
	if err := d.equal(out, want, s); err != nil {
		return fmt.Errorf("at once: %w", err)
	}
	d.Check(d.Stream.Zero(out, len(want)*s.Bytes()))
	d.Replay(enqueue)
	if err := d.equal(out, want, s); err != nil {
		return fmt.Errorf("from a graph: %w", err)
	}
	return nil
}

func (d *Device) equal(at drv.Ptr, want []float64, s Storage) error {
	d.t.Helper()
	for i, got := range d.Read(at, len(want), s) {
		if got != s.Round(want[i]) {
			return fmt.Errorf("element %d is %g, want %g", i, got, s.Round(want[i]))
		}
	}
	return nil
}
