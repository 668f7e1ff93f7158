package probe

import (
	"math"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
)

// scaler takes a feature to (x − mean)/std by the train set's statistics; a feature that is constant there
// becomes 0 everywhere, so that it can neither divide by zero nor carry anything.
type scaler struct {
	mean, inverse []float32 // inverse is 1/std, or 0
}

// constantBelow is the std, as a share of the mean's size, under which a column of float32 values is constant:
// the spacing of float32 is 1.2e-7 of a value.
const constantBelow = 1e-7

// newScaler takes means and (biased) variances in two passes, in float64.
func newScaler(p *kernel.Pool, m matrix) scaler {
	n := float64(m.n)
	mean := columnSums(p, m, func(sums []float64, row []float32) {
		for j, v := range row {
			sums[j] += float64(v)
		}
	})
	for j := range mean {
		mean[j] /= n
	}
	variance := columnSums(p, m, func(sums []float64, row []float32) {
		for j, v := range row {
			d := float64(v) - mean[j]
			sums[j] += d * d
		}
	})
	s := scaler{mean: make([]float32, m.d), inverse: make([]float32, m.d)}
	for j := range mean {
		std := math.Sqrt(variance[j] / n)
		s.mean[j] = float32(mean[j])
		if std > constantBelow*math.Abs(mean[j]) {
			s.inverse[j] = float32(1 / std)
		}
	}
	return s
}

// apply returns a standardised copy.
func (s scaler) apply(p *kernel.Pool, m matrix) []float32 {
	out := make([]float32, len(m.x))
	overRows(p, m.n, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			row, to := m.x[i*m.d:(i+1)*m.d], out[i*m.d:(i+1)*m.d]
			for j, v := range row {
				to[j] = (v - s.mean[j]) * s.inverse[j]
			}
		}
	})
	return out
}

// columnSums adds f over rows: in each chunk from the first row on, then over chunks in their order.
func columnSums(p *kernel.Pool, m matrix, f func(sums []float64, row []float32)) []float64 {
	partial := make([]float64, chunksOf(m.n)*m.d)
	overRows(p, m.n, func(c, lo, hi int) {
		sums := partial[c*m.d : (c+1)*m.d]
		for i := lo; i < hi; i++ {
			f(sums, m.x[i*m.d:(i+1)*m.d])
		}
	})
	for c := 1; c < chunksOf(m.n); c++ {
		for j := range m.d {
			partial[j] += partial[c*m.d+j]
		}
	}
	return partial[:m.d]
}
