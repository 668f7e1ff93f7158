package collapse

import "math"

// Pulse is what a progress line shows of one batch, averaged over its views.
type Pulse struct {
	UnitStd     float64 // as Spectrum.UnitStd: near 1/√d when spread, near 0 when collapsed
	Spread      float64 // as Spectrum.Spread, 0 to 1
	Correlation float64 // as Spectrum.Correlation, over at most 64 dimensions
	Norm        float64 // mean of ‖z‖
}

// liveDims is the number of dimensions whose correlations Live takes: 64 give the mean of 2,016 pairs in a
// millisecond for a batch of 256.
const liveDims = 64

// Live measures a batch of n embeddings of width d from two views; z1 may be nil. It never fails: values that are
// not finite come out as NaN, and a batch of fewer than two rows as zeros.
func Live(z0, z1 []float32, n, d int) Pulse {
	if n < 2 {
		return Pulse{}
	}
	p := liveView(z0, n, d)
	if z1 == nil {
		return p
	}
	q := liveView(z1, n, d)
	return Pulse{(p.UnitStd + q.UnitStd) / 2, (p.Spread + q.Spread) / 2, (p.Correlation + q.Correlation) / 2, (p.Norm + q.Norm) / 2}
}

func liveView(z []float32, n, d int) Pulse {
	var p Pulse
	for i := range n {
		var square float64
		for _, v := range z[i*d : (i+1)*d] {
			square += float64(v) * float64(v)
		}
		p.Norm += math.Sqrt(square) / float64(n)
	}
	if p.Norm-p.Norm != 0 {
		nan := math.NaN()
		return Pulse{nan, nan, nan, nan}
	}
	p.UnitStd, p.Spread = unitStd(z, n, d)
	p.Correlation = sampledCorrelation(z, n, d, liveDims)
	return p
}

// MeanCosine is the mean over n rows of the cosine between a's and b's, each [n, d]: of predictions and the
// embeddings that they predict, for [Context]. A row of zeros has cosine 0.
func MeanCosine(a, b []float32, n, d int) float64 {
	var sum float64
	for i := range n {
		var ab, aa, bb float64
		for j := i * d; j < (i+1)*d; j++ {
			x, y := float64(a[j]), float64(b[j])
			ab += x * y
			aa += x * x
			bb += y * y
		}
		if aa > 0 && bb > 0 {
			sum += ab / math.Sqrt(aa*bb)
		}
	}
	return sum / float64(n)
}
