// Package probe measures frozen features: how well a linear classifier or nearest neighbours read the classes off
// them. Collapse and spectrum are in core/probe/collapse, the two-dimensional map in core/probe/plane.
//
// Most people need [Linear] and [KNN]; [Few] is the linear probe with few labels. Features are float32, row-major,
// one row for each label; train and test rows have the same width. No setting is tuned on the test set: the
// defaults are the protocol.
//
// Same features give the same figures to the bit, whatever the number of threads.
package probe

import (
	"fmt"
	"math"

	"github.com/sslctl/sslctl/core/fault"
)

// Accuracy is a classifier's record on a test set. Shares lie in 0 to 1.
type Accuracy struct {
	Top1 float64 `json:"top1"`
	Top5 float64 `json:"top5"` // 1 where there are at most five classes and each is ranked
	N    int     `json:"n"`    // test rows

	// Low and High are the 95 % interval of Top1 for a test set of N rows (Wilson 1927):
	// it says what another draw of test images would give, not another training run.
	Low  float64 `json:"low"`
	High float64 `json:"high"`

	PerClass []ClassAccuracy `json:"per_class,omitempty"`
	Draws    []float64       `json:"draws,omitempty"` // Top1 of each draw, where Top1 is their mean
}

// ClassAccuracy is the record on the test rows of one class.
type ClassAccuracy struct {
	Correct int `json:"correct"`
	N       int `json:"n"`
}

// Wilson is the 95 % score interval of a share p of n trials:
// (p + z²/2n ± z√(p(1−p)/n + z²/4n²)) / (1 + z²/n) with z = 1.959964. It is 0 to 1 for no trials.
func Wilson(p float64, n int) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	const z = 1.959963984540054
	m := float64(n)
	centre := p + z*z/(2*m)
	half := z * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	scale := 1 + z*z/m
	return max(0, (centre-half)/scale), min(1, (centre+half)/scale)
}

// accuracyOf makes the record of ranks: ranks[i] is the number of classes that came before row i's label.
func accuracyOf(ranks, labels []int) Accuracy {
	a := Accuracy{N: len(ranks), PerClass: make([]ClassAccuracy, classesOf(labels))}
	var first, five int
	for i, r := range ranks {
		class := &a.PerClass[labels[i]]
		class.N++
		if r == 0 {
			class.Correct++
			first++
		}
		if r < 5 {
			five++
		}
	}
	a.Top1, a.Top5 = float64(first)/float64(a.N), float64(five)/float64(a.N)
	a.Low, a.High = Wilson(a.Top1, a.N)
	return a
}

// rankOf is the number of classes that stand before label: a higher score, or the same and a lower number.
// A label beyond the scores comes last.
func rankOf[F float32 | float64](scores []F, label int) int {
	if label >= len(scores) {
		return math.MaxInt
	}
	rank, own := 0, scores[label]
	for c, s := range scores {
		if s > own || s == own && c < label {
			rank++
		}
	}
	return rank
}

// matrix is features with their labels: n rows of width d.
type matrix struct {
	x      []float32
	labels []int
	n, d   int
}

// pair checks a train and a test set against each other.
func pair(train []float32, trainLabels []int, test []float32, testLabels []int) (tr, te matrix, err error) {
	if tr, err = newMatrix("train", train, trainLabels); err != nil {
		return
	}
	if te, err = newMatrix("test", test, testLabels); err != nil {
		return
	}
	if tr.d != te.d {
		err = fmt.Errorf("train features have %d columns, test features %d", tr.d, te.d)
	}
	return
}

func newMatrix(what string, x []float32, labels []int) (matrix, error) {
	n := len(labels)
	if n == 0 || len(x) == 0 || len(x)%n != 0 {
		return matrix{}, fmt.Errorf("%s: %d features do not make rows for %d labels", what, len(x), n)
	}
	for i, l := range labels {
		if l < 0 {
			return matrix{}, fmt.Errorf("%s: label of row %d is %d", what, i, l)
		}
	}
	for i, v := range x {
		if v-v != 0 { // NaN or infinite
			return matrix{}, fault.New(fault.Diverged, "lower the learning rate or lengthen the warm-up; the last good checkpoint can still be evaluated",
				"%s: feature %d of row %d is %v", what, i%(len(x)/n), i/(len(x)/n), v)
		}
	}
	return matrix{x: x, labels: labels, n: n, d: len(x) / n}, nil
}

func classesOf(labels []int) int {
	most := -1
	for _, l := range labels {
		most = max(most, l)
	}
	return most + 1
}
