package data

import (
	"math"
	"slices"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/fault"
)

// LimitOptions choose a part of a dataset. Exactly one of the first three is set.
type LimitOptions struct {
	Total    int     // images in all, whatever their class
	PerClass int     // images of each class, or all of a class that has fewer
	Fraction float64 // share of each class, 0 to 1; of a class that has images at least one
	Seed     uint64
}

// Limit is a part of a dataset, in the order of the whole. The choice is a function of labels and seed, and grows: with
// the same seed a larger part holds the smaller ones. A seed of its own, not the training's, makes the choice the
// same for all runs.
func Limit(ds Dataset, o LimitOptions) (Dataset, error) {
	set := 0
	for _, on := range []bool{o.Total != 0, o.PerClass != 0, o.Fraction != 0} {
		if on {
			set++
		}
	}
	switch {
	case set != 1:
		return nil, fault.New(fault.Usage, "", "limit %s: set one of total, per class and fraction", ds.Name())
	case o.Total < 0 || o.PerClass < 0 || !(o.Fraction >= 0 && o.Fraction <= 1):
		return nil, fault.New(fault.Usage, "", "limit %s: total %d, per class %d, fraction %v: want at least 1, or a fraction up to 1",
			ds.Name(), o.Total, o.PerClass, o.Fraction)
	}
	order := make([]int, ds.Len())
	permute(order, o.Seed, streamLimit, 0)
	var chosen []int
	if o.Total > 0 {
		chosen = order[:min(o.Total, len(order))]
	} else {
		chosen = chooseByClass(ds, order, o)
	}
	slices.Sort(chosen)
	return &subset{Dataset: ds, chosen: chosen}, nil
}

// chooseByClass takes of each class the first images in the given order.
func chooseByClass(ds Dataset, order []int, o LimitOptions) []int {
	left := map[int]int{} // of each label, how many are still wanted
	for i := range ds.Len() {
		left[ds.Label(i)]++
	}
	for label, n := range left {
		if o.PerClass > 0 {
			left[label] = min(n, o.PerClass)
		} else {
			left[label] = max(1, int(math.Round(o.Fraction*float64(n))))
		}
	}
	var chosen []int
	for _, i := range order {
		if l := ds.Label(i); left[l] > 0 {
			left[l]--
			chosen = append(chosen, i)
		}
	}
	return chosen
}

// subset is some images of a dataset, numbered anew.
type subset struct {
	Dataset
	chosen []int
}

func (s *subset) Len() int                           { return len(s.chosen) }
func (s *subset) Label(i int) int                    { return s.Dataset.Label(s.chosen[i]) }
func (s *subset) Image(i int) (augment.Image, error) { return s.Dataset.Image(s.chosen[i]) }
