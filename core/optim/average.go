package optim

import (
	"fmt"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/sdk/expr"
)

// Pair is a tensor of a target branch and the online tensor that it follows.
type Pair struct {
	Target, Online []float32

	piecewise bool
}

// Average keeps a target branch as the exponential moving average of an online one.
type Average struct {
	pairs    []Pair
	momentum float64 // of the step that is done by pieces
}

// NewAverage takes pairs of equal lengths.
func NewAverage(pairs []Pair) (*Average, error) {
	for i, p := range pairs {
		if len(p.Target) != len(p.Online) {
			return nil, fmt.Errorf("target tensor %d has %d elements, its online one %d", i, len(p.Target), len(p.Online))
		}
	}
	return &Average{pairs: pairs}, nil
}

// Step moves every target: target ← m·target + (1−m)·online. m is usually [Momentum.At], and the call comes after
// the optimiser's step.
func (a *Average) Step(p *kernel.Pool, m float64) {
	for _, pair := range a.pairs {
		if !pair.piecewise {
			kernel.EMA(p, pair.Target, pair.Online, float32(m))
		}
	}
}

// Follow is the target's next value as an expression: keep·target + rest·online, where online is the online tensor's next
// value. [AverageRates] gives keep and rest.
func Follow(target, online, keep, rest expr.Tensor) expr.Tensor {
	return target.Mul(keep).Add(online.Mul(rest))
}

// AverageRates are m and 1−m, the latter of m rounded to float32 as [Average.Step] has it.
func AverageRates(m float64) (keep, rest float32) {
	keep = float32(m)
	return keep, float32(1 - float64(keep))
}
