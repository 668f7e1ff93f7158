// Package collapse says whether embeddings still differ from image to image, and in how many directions.
//
// Most people need two calls: [Analyse] takes embeddings to a [Spectrum] of figures, [Judge] takes it to a
// [Verdict] with evidence and advice. [Live] is the cheap version for every step's progress line.
// The thresholds and their reasons stand with the constants of verdict.go and in docs/collapse.md.
//
// Same embeddings give the same figures to the bit, whatever the number of threads.
package collapse

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/sslctl/sslctl/core/fault"
)

// Spectrum is what a set of n embeddings of width d looks like. Standard deviations are over rows, unbiased.
type Spectrum struct {
	N int `json:"n"`
	D int `json:"d"`

	Norm    float64 `json:"norm"`     // mean of ‖z‖
	StdMean float64 `json:"std_mean"` // of the d dimensions' standard deviations
	StdMin  float64 `json:"std_min"`
	StdMax  float64 `json:"std_max"`
	StdRMS  float64 `json:"std_rms"` // root of the mean variance
	Dead    float64 `json:"dead"`    // share of dimensions whose std is below a hundredth of StdRMS; 1 if all are constant

	UnitStd float64 `json:"unit_std"` // mean over dimensions of the std of z/‖z‖; spread embeddings have 1/√d (VICReg's figure 4)
	Spread  float64 `json:"spread"`   // root of the sum of those variances, 0 to 1: two rows' mean cosine is 1−Spread²

	Correlation float64 `json:"correlation"` // mean |corr| over pairs of different dimensions (VICReg's eq. 9, figure 5)

	Eigenvalues   []float64 `json:"eigenvalues"`    // of the covariance, descending; min(d, n−1) of them, the others are 0
	Null          float64   `json:"null"`           // share of them below a hundredth of their mean
	EffectiveRank float64   `json:"effective_rank"` // exp of the entropy of their shares
	Participation float64   `json:"participation"`  // (Σλ)²/Σλ², at most d
	RankMe        float64   `json:"rankme"`         // exp of the entropy of the singular values of Z, not centred (Garrido et al. 2023)
}

// negligible is the share of the typical size under which a dimension or direction counts as empty: a hundredth.
// A dimension with a hundredth of the others' std adds a ten-thousandth of their variance to any distance; a
// direction with a hundredth of the mean variance adds a tenth of its std. Noise of 1 % stays below, and a power-law
// spectrum λ ~ k^−1, which healthy representations have (Agrawal et al. 2022), stays above for any d of 2 to 8,192.
const negligible = 0.01

// rankMeEpsilon is the constant that RankMe adds to each share.
const rankMeEpsilon = 1e-7

// correlated is the number of dimensions between which correlations are taken; wider embeddings are sampled at
// even distances.
const correlated = 1024

// blockRows is the number of rows that are held in float64 at once.
const blockRows = 1024

// Analyse measures n embeddings of width d, row-major. It works in float64; the time goes into the eigenvalues,
// O(min(n,d)³): two seconds for 10,000 rows of 512 dimensions, half a minute for 2,048, on two cores.
// It needs at least two rows and fails, with exit code 5, on values that are not finite.
func Analyse(ctx context.Context, z []float32, n, d int) (Spectrum, error) {
	if n < 2 || d < 1 || len(z) != n*d {
		return Spectrum{}, fmt.Errorf("%d values do not make %d rows of %d, or are too few to analyse", len(z), n, d)
	}
	s := Spectrum{N: n, D: d}
	mean, err := s.measureNorms(z)
	if err != nil {
		return Spectrum{}, err
	}
	s.measureStd(z, mean)
	s.measureUnit(z)
	if err := s.measureSpectrum(ctx, z, mean); err != nil {
		return Spectrum{}, err
	}
	return s, nil
}

// measureNorms sets Norm and returns the column means. Sums of float32 are exact in float64 while they are small, so
// that a constant column has exactly its value as mean and no variance.
func (s *Spectrum) measureNorms(z []float32) ([]float64, error) {
	mean := make([]float64, s.D)
	for i := range s.N {
		var square float64
		for j, v := range z[i*s.D : (i+1)*s.D] {
			f := float64(v)
			mean[j] += f
			square += f * f
		}
		if square-square != 0 {
			return nil, fault.New(fault.Diverged, "lower the learning rate or lengthen the warm-up", "embedding %d is not finite", i)
		}
		s.Norm += math.Sqrt(square) / float64(s.N)
	}
	for j := range mean {
		mean[j] /= float64(s.N)
	}
	return mean, nil
}

// measureStd sets the figures of the dimensions' standard deviations.
func (s *Spectrum) measureStd(z []float32, mean []float64) {
	std := variances(z, s.N, s.D, mean)
	s.StdMin = math.Inf(1)
	for j, v := range std {
		s.StdRMS += v / float64(s.D)
		std[j] = math.Sqrt(v)
		s.StdMean += std[j] / float64(s.D)
		s.StdMin, s.StdMax = min(s.StdMin, std[j]), max(s.StdMax, std[j])
	}
	s.StdRMS = math.Sqrt(s.StdRMS)
	dead := 0
	for _, v := range std {
		if v <= negligible*s.StdRMS {
			dead++
		}
	}
	s.Dead = float64(dead) / float64(s.D)
}

// measureUnit sets the figures of the rows divided by their norms; a row of zeros stays as it is.
func (s *Spectrum) measureUnit(z []float32) {
	s.UnitStd, s.Spread = unitStd(z, s.N, s.D)
}

// unitStd returns the mean over dimensions of the std of z/‖z‖ and the root of the sum of the variances. The latter
// is at most 1 up to the n/(n−1) of an unbiased variance, and is cut there.
func unitStd(z []float32, n, d int) (mean, spread float64) {
	inverse := make([]float64, n)
	centre := make([]float64, d)
	for i := range n {
		row := z[i*d : (i+1)*d]
		var square float64
		for _, v := range row {
			square += float64(v) * float64(v)
		}
		if square > 0 {
			inverse[i] = 1 / math.Sqrt(square)
		}
		for j, v := range row {
			centre[j] += float64(v) * inverse[i] / float64(n)
		}
	}
	squares := make([]float64, d)
	for i := range n {
		for j, v := range z[i*d : (i+1)*d] {
			dev := float64(v)*inverse[i] - centre[j]
			squares[j] += dev * dev
		}
	}
	for _, q := range squares {
		v := q / float64(n-1)
		mean += math.Sqrt(v) / float64(d)
		spread += v
	}
	return mean, min(1, math.Sqrt(spread))
}

// variances returns the unbiased variance of each column about its mean.
func variances(z []float32, n, d int, mean []float64) []float64 {
	out := make([]float64, d)
	for i := range n {
		for j, v := range z[i*d : (i+1)*d] {
			dev := float64(v) - mean[j]
			out[j] += dev * dev
		}
	}
	for j := range out {
		out[j] /= float64(n - 1)
	}
	return out
}

// gram returns XᵀX of the rows less centre (nil for none) as a d×d matrix, block by block.
func gram(z []float32, n, d int, centre []float64) []float64 {
	out := blas64.General{Rows: d, Cols: d, Stride: d, Data: make([]float64, d*d)}
	block := make([]float64, min(n, blockRows)*d)
	for lo := 0; lo < n; lo += blockRows {
		rows := min(blockRows, n-lo)
		x := blas64.General{Rows: rows, Cols: d, Stride: d, Data: block[:rows*d]}
		widen(x.Data, z[lo*d:(lo+rows)*d], centre)
		blas64.Gemm(blas.Trans, blas.NoTrans, 1, x, x, 1, out)
	}
	return out.Data
}

// outerGram returns XXᵀ of the rows less centre (nil for none) as an n×n matrix.
func outerGram(z []float32, n, d int, centre []float64) []float64 {
	x := blas64.General{Rows: n, Cols: d, Stride: d, Data: make([]float64, n*d)}
	widen(x.Data, z, centre)
	out := blas64.General{Rows: n, Cols: n, Stride: n, Data: make([]float64, n*n)}
	blas64.Gemm(blas.NoTrans, blas.Trans, 1, x, x, 0, out)
	return out.Data
}

func widen(dst []float64, z []float32, centre []float64) {
	if centre == nil {
		for i, v := range z {
			dst[i] = float64(v)
		}
		return
	}
	d := len(centre)
	for i := 0; i < len(z); i += d {
		for j, m := range centre {
			dst[i+j] = float64(z[i+j]) - m
		}
	}
}
