package collapse

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// measureSpectrum sets correlation, eigenvalues and ranks. Of the two Gram matrices, ZᵀZ and ZZᵀ, which share their
// eigenvalues, it factorises the smaller.
func (s *Spectrum) measureSpectrum(ctx context.Context, z []float32, mean []float64) error {
	build := gram
	if s.N < s.D {
		build = outerGram
	}
	covariance := build(z, s.N, s.D, mean)
	if s.N >= s.D && s.D <= correlated {
		s.Correlation = meanCorrelation(covariance, s.D)
	} else {
		s.Correlation = sampledCorrelation(z, s.N, s.D, correlated)
	}
	values, err := eigenvalues(ctx, covariance)
	if err != nil {
		return err
	}
	s.Eigenvalues = values[:min(s.D, s.N-1)]
	for i := range s.Eigenvalues {
		s.Eigenvalues[i] /= float64(s.N - 1)
	}
	s.measureRanks()

	singular, err := eigenvalues(ctx, build(z, s.N, s.D, nil))
	if err != nil {
		return err
	}
	for i, v := range singular {
		singular[i] = math.Sqrt(v)
	}
	s.RankMe = entropyRank(singular, rankMeEpsilon)
	return nil
}

// measureRanks sets Null, EffectiveRank and Participation from the eigenvalues. Without any variance all
// directions are null and the ranks are 0.
func (s *Spectrum) measureRanks() {
	var sum, square float64
	for _, v := range s.Eigenvalues {
		sum += v
		square += v * v
	}
	null := 0
	for _, v := range s.Eigenvalues {
		if v <= negligible*sum/float64(len(s.Eigenvalues)) {
			null++
		}
	}
	s.Null = float64(null) / float64(len(s.Eigenvalues))
	s.EffectiveRank = entropyRank(s.Eigenvalues, 0)
	if square > 0 {
		s.Participation = sum * sum / square
	}
}

// entropyRank is exp(−Σp·ln p) of the shares p = x/Σx + epsilon, or 0 where Σx is.
func entropyRank(x []float64, epsilon float64) float64 {
	var sum, entropy float64
	for _, v := range x {
		sum += v
	}
	if sum == 0 {
		return 0
	}
	for _, v := range x {
		if p := v/sum + epsilon; p > 0 {
			entropy -= p * math.Log(p)
		}
	}
	return math.Exp(entropy)
}

// eigenvalues returns those of a symmetric positive semidefinite matrix, descending, rounding below 0 cut off.
func eigenvalues(ctx context.Context, a []float64) ([]float64, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("spectrum: %w", context.Cause(ctx))
	}
	order := int(math.Round(math.Sqrt(float64(len(a)))))
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(order, a), false) {
		return nil, fmt.Errorf("spectrum: the eigenvalues of a matrix of order %d did not converge", order)
	}
	values := e.Values(nil)
	slices.Reverse(values)
	for i := range values {
		values[i] = max(0, values[i])
	}
	return values, nil
}

// sampledCorrelation is meanCorrelation over at most most dimensions at even distances.
func sampledCorrelation(z []float32, n, d, most int) float64 {
	take := min(d, most)
	sample := make([]float32, n*take)
	mean := make([]float64, take)
	for i := range n {
		for j := range take {
			v := z[i*d+j*d/take]
			sample[i*take+j] = v
			mean[j] += float64(v)
		}
	}
	for j := range mean {
		mean[j] /= float64(n)
	}
	return meanCorrelation(gram(sample, n, take, mean), take)
}

// meanCorrelation is the mean of |c_ij|/√(c_ii·c_jj) over i ≠ j of a d×d matrix of centred products. A constant
// dimension has no correlation: its pairs are left out. It is 0 where no pair is left.
func meanCorrelation(c []float64, d int) float64 {
	var sum float64
	pairs := 0
	for i := range d {
		for j := range i {
			size := c[i*d+i] * c[j*d+j]
			if size > 0 {
				sum += min(1, math.Abs(c[i*d+j])/math.Sqrt(size))
				pairs++
			}
		}
	}
	if pairs == 0 {
		return 0
	}
	return sum / float64(pairs)
}
