package stats

import (
	"fmt"
	"slices"
)

// Sample is the results of one method, one for each seed, in the order of the seeds.
type Sample struct {
	Name   string
	Values []float64
}

// Outcome is what a comparison showed.
type Outcome string

const (
	Higher      Outcome = "higher"
	Lower       Outcome = "lower"
	NotResolved Outcome = "not resolved" // the runs do not tell; it does not mean equal
)

// Comparison is one method against the baseline.
type Comparison struct {
	Name     string  `json:"name"`
	Paired   Paired  `json:"paired"`   // of the method less the baseline
	Adjusted float64 `json:"adjusted"` // P after Holm's correction for the number of methods
	Outcome  Outcome `json:"outcome"`
}

// Compare tests methods against a baseline with the same seeds. A difference counts as resolved when its p-value,
// after Holm's correction over the methods, is below Level.
func Compare(baseline Sample, methods []Sample) ([]Comparison, error) {
	names, pairs := make([]string, len(methods)), make([]Paired, len(methods))
	for i, m := range methods {
		p, err := Pair(m.Values, baseline.Values)
		if err != nil {
			return nil, fmt.Errorf("%s against %s: %w", m.Name, baseline.Name, err)
		}
		names[i], pairs[i] = m.Name, p
	}
	return Resolve(names, pairs), nil
}

// Resolve says what paired tests showed, with Holm's correction over all of them. [Compare] is for tests against one
// baseline; Resolve takes any tests that are read together.
func Resolve(names []string, pairs []Paired) []Comparison {
	ps := make([]float64, len(pairs))
	for i, p := range pairs {
		ps[i] = p.P
	}
	out := make([]Comparison, len(pairs))
	for i, p := range Holm(ps) {
		out[i] = Comparison{Name: names[i], Paired: pairs[i], Adjusted: p, Outcome: outcome(pairs[i].Difference.Mean, p)}
	}
	return out
}

func outcome(difference, p float64) Outcome {
	switch {
	case p >= Level:
		return NotResolved
	case difference > 0:
		return Higher
	default:
		return Lower
	}
}

// argsort returns the places of p in ascending order of its values, equal ones in their own order.
func argsort(p []float64) []int {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a] < p[b]:
			return -1
		case p[a] > p[b]:
			return 1
		}
		return 0
	})
	return order
}
