package report

import "math"

// points a line is drawn with at most; a figure is about as many pixels wide.
const maxPoints = 500

// smoothFrom is the number of values from which a line is drawn smoothed, over the faint recorded values.
const smoothFrom = 60

// smooth is the mean over a centred window of 2 % of the values. NaN and infinities are left out of the means and stay
// where they are, so that gaps remain visible.
func smooth(y []float64) []float64 {
	half := max(1, len(y)/100)
	out := make([]float64, len(y))
	for i := range y {
		if !finite(y[i]) {
			out[i] = y[i]
			continue
		}
		sum, n := 0.0, 0
		for _, v := range y[max(0, i-half):min(len(y), i+half+1)] {
			if finite(v) {
				sum += v
				n++
			}
		}
		out[i] = sum / float64(n)
	}
	return out
}

// envelope keeps the smallest and the largest value of each of maxPoints/2 stretches, in their order: what a line
// through all values would look like.
func envelope(x, y []float64) (xs, ys []float64) {
	if len(x) <= maxPoints {
		return x, y
	}
	stretches := maxPoints / 2
	for s := range stretches {
		lo, hi := s*len(x)/stretches, (s+1)*len(x)/stretches
		least, most := lo, lo
		for i := lo; i < hi; i++ {
			if y[i] < y[least] || !finite(y[least]) {
				least = i
			}
			if y[i] > y[most] || !finite(y[most]) {
				most = i
			}
		}
		for _, i := range []int{min(least, most), max(least, most)} {
			xs, ys = append(xs, x[i]), append(ys, y[i])
		}
	}
	return xs, ys
}

// pick keeps at most maxPoints values at even distances, the first and the last among them.
func pick(x, y []float64) (xs, ys []float64) {
	if len(x) <= maxPoints {
		return x, y
	}
	for i := range maxPoints {
		j := i * (len(x) - 1) / (maxPoints - 1)
		xs, ys = append(xs, x[j]), append(ys, y[j])
	}
	return xs, ys
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
