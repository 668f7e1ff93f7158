// Package stats compares runs: is one method better than another, or does it only look so?
//
// Most people need two calls: [Summarise] turns the results of several seeds into a mean with its interval, and
// [Compare] tests methods against a baseline, seed by seed, and says "not resolved" where the runs do not tell.
//
// Runs with the same seed see the same data in the same order, so their differences vary less than the runs
// themselves: all tests here are paired. They assume that differences are roughly normal, which three to ten seeds
// cannot show; an unresolved comparison calls for more seeds, not for another test.
package stats

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Level is the probability of error that all tests and intervals here use: 5 %, for 95 % intervals.
const Level = 0.05

// Summary is a sample in four figures.
type Summary struct {
	N    int     `json:"n"`
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`   // unbiased; 0 for fewer than two values
	Half float64 `json:"half"` // half the width of the 95 % interval t(0.975, n−1)·SD/√n; 0 for fewer than two values
}

// Low is the lower end of the 95 % interval of the mean.
func (s Summary) Low() float64 { return s.Mean - s.Half }

// High is its upper end.
func (s Summary) High() float64 { return s.Mean + s.Half }

// Known reports whether the interval is one: from two values on.
func (s Summary) Known() bool { return s.N >= 2 }

// Summarise takes the results of several seeds; of none it is the zero Summary.
func Summarise(x []float64) Summary {
	s := Summary{N: len(x)}
	if s.N == 0 {
		return s
	}
	s.Mean = stat.Mean(x, nil)
	if s.N < 2 {
		return s
	}
	s.SD = stat.StdDev(x, nil)
	s.Half = student(s.N-1).Quantile(1-Level/2) * s.SD / math.Sqrt(float64(s.N))
	return s
}

func student(freedom int) distuv.StudentsT {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(freedom)}
}

// Paired is the paired t-test of a against b.
type Paired struct {
	Difference Summary `json:"difference"` // of a − b
	T          float64 `json:"t"`          // mean/(SD/√n), 0 where there is no test
	P          float64 `json:"p"`          // two-sided, 1 where there is no test
}

// rounding is the share of the mean below which a spread is that of float64 subtraction.
const rounding = 1e-12

// Pair tests whether a and b, with the same seed at the same place, have the same mean. Fewer than two pairs give no
// test, nor do differences that are all the same: accuracies come in steps of one test image, and no spread at all
// among a few runs is an accident of those steps.
func Pair(a, b []float64) (Paired, error) {
	if len(a) != len(b) {
		return Paired{}, fmt.Errorf("%d runs cannot be paired with %d", len(a), len(b))
	}
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
		if d[i]-d[i] != 0 {
			return Paired{}, fmt.Errorf("result %d is %g against %g", i, a[i], b[i])
		}
	}
	p := Paired{Difference: Summarise(d), P: 1}
	if s := p.Difference; s.N >= 2 && s.SD > rounding*math.Abs(s.Mean) {
		p.T = s.Mean / (s.SD / math.Sqrt(float64(s.N)))
		p.P = 2 * student(s.N-1).CDF(-math.Abs(p.T))
	}
	return p, nil
}

// Holm adjusts the p-values of m tests so that the chance of any false alarm among them stays at Level (Holm 1979):
// in ascending order the k-th, counted from 0, is multiplied by m−k, made no smaller than its predecessor, and cut
// at 1. The order of the result is that of p.
func Holm(p []float64) []float64 {
	order := argsort(p)
	adjusted := make([]float64, len(p))
	running := 0.0
	for k, i := range order {
		running = max(running, min(1, float64(len(p)-k)*p[i]))
		adjusted[i] = running
	}
	return adjusted
}
