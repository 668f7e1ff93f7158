package collapse

import (
	"fmt"
	"math"
)

// Kind is a kind of collapse.
type Kind string

const (
	None        Kind = "none"
	Dimensional Kind = "dimensional" // embeddings differ, but in few directions
	Complete    Kind = "complete"    // embeddings are all but constant
	Norm        Kind = "norm"        // directions are fine, lengths have left the range of float32 training
	Bypass      Kind = "bypass"      // complete, with a predictor that predicts the constant perfectly
)

// The thresholds of Judge.
const (
	// completeSpread: below a spread of 0.1, two images' embeddings have a mean cosine above 1−0.1² = 0.99. Collapsed
	// runs go to 0 and healthy ones to 1, std 1/√d (SimSiam's figure 2, VICReg's figure 4); independent
	// representations after ReLU, all positive, still have √(1−1/π) = 0.83.
	completeSpread = 0.1
	// completeStd: an objective on raw embeddings does not see a common offset, which lowers the spread; only with a
	// std below a tenth of VICReg's target γ = 1 is a low spread a collapse there.
	completeStd = 0.1
	// invisibleStd: below √ε = 0.01, with VICReg's ε = 1e-4, the variance term's own √(Var+ε) is mostly ε. Raw
	// embeddings below it are constant for the objective, whatever their directions.
	invisibleStd = 0.01
	// dimensionalNull: more than half of the directions each carry less than a hundredth of the mean variance. A
	// power law λ ~ k^−α reaches this at α = 1.9 for d = 512 and 1.5 for 8,192; healthy ones have α near 1.
	dimensionalNull = 0.5
	// dimensionalParticipation: fewer than two directions' worth of variance, even above a floor of noise.
	dimensionalParticipation = 2
	// dimensionalFrom: with fewer directions to fill the two figures above say little.
	dimensionalFrom = 8
	// normLow and normHigh bound ‖z‖/√d, the size of a typical coordinate. The gradient of a cosine goes with
	// 1/‖z‖: beyond normHigh directions stand still, below normLow a step throws them about. Covariances square the
	// coordinate, and float32 keeps seven digits.
	normLow, normHigh = 1e-3, 1e3
	// bypassCosine: predictions this close to their targets, on embeddings without spread, are the objective's
	// trivial minimum: a loss of −1 for SimSiam, 0 for BYOL.
	bypassCosine = 0.99
)

// Context is what a verdict has to know besides the embeddings.
type Context struct {
	Unit             bool    // the objective compares directions (BYOL, SimSiam), not raw embeddings (VICReg)
	Predictor        bool    // the method has a predictor
	PredictionCosine float64 // MeanCosine of predictions and the embeddings they predict, where there is a predictor
	Variance         float64 // weight of the objective's variance term, 0 for none
	Covariance       float64 // weight of its covariance term, 0 for none
}

// Verdict is a kind of collapse with the figures that show it and what to change.
type Verdict struct {
	Kind     Kind     `json:"kind"`
	Evidence []string `json:"evidence"` // sentences with figures; never empty
	Advice   []string `json:"advice"`   // what to change, most likely first; empty for None
}

// Collapsed reports whether the embeddings lost their information: a complete collapse, bypass included.
func (v Verdict) Collapsed() bool { return v.Kind == Complete || v.Kind == Bypass }

// Judge names the gravest kind of collapse that the figures show, by the thresholds in docs/collapse.md: complete
// (bypass where a predictor explains it) before dimensional before norm.
func Judge(s Spectrum, c Context) Verdict {
	size := s.Norm / math.Sqrt(float64(s.D))
	switch {
	case s.complete(c) && c.Predictor && c.PredictionCosine > bypassCosine:
		return Verdict{Bypass, append(completeEvidence(s), fmt.Sprintf(
			"the predictor meets its targets with a mean cosine of %.4f: the objective stands at its trivial minimum", c.PredictionCosine)), bypassAdvice(c)}
	case s.complete(c):
		return Verdict{Complete, completeEvidence(s), completeAdvice(c)}
	case s.dimensional():
		return Verdict{Dimensional, dimensionalEvidence(s), dimensionalAdvice(c)}
	case size > normHigh:
		return Verdict{Norm, []string{normEvidence(s, size)}, []string{
			"add weight decay (`--set optimizer.weight_decay=1e-4`)", "lower the learning rate", "end the projector with batch norm"}}
	case size < normLow:
		return Verdict{Norm, []string{normEvidence(s, size)}, []string{
			"lower the weight decay", "give the objective a variance term: `--add-reg var`", "end the projector with batch norm"}}
	}
	return Verdict{None, []string{fmt.Sprintf(
		"the spread on the unit sphere is %.2f of 1, the effective rank %.1f of %d, the mean |correlation| %.2f",
		s.Spread, s.EffectiveRank, len(s.Eigenvalues), s.Correlation)}, nil}
}

func (s Spectrum) complete(c Context) bool {
	if c.Unit {
		return s.Spread < completeSpread
	}
	return s.StdRMS < invisibleStd || s.Spread < completeSpread && s.StdRMS < completeStd
}

func (s Spectrum) dimensional() bool {
	return len(s.Eigenvalues) >= dimensionalFrom && (s.Null > dimensionalNull || s.Participation < dimensionalParticipation)
}

func completeEvidence(s Spectrum) []string {
	return []string{
		fmt.Sprintf("the spread on the unit sphere is %.4f of 1: two images' embeddings have a mean cosine of %.4f", s.Spread, 1-s.Spread*s.Spread),
		fmt.Sprintf("a dimension's standard deviation is %.2g on average, at a mean norm of %.3g", s.StdMean, s.Norm),
	}
}

func dimensionalEvidence(s Spectrum) []string {
	return []string{
		fmt.Sprintf("%.0f of %d directions carry less than a hundredth of the mean variance", math.Round(s.Null*float64(len(s.Eigenvalues))), len(s.Eigenvalues)),
		fmt.Sprintf("the variance fills %.1f directions (participation ratio; RankMe is %.1f)", s.Participation, s.RankMe),
		fmt.Sprintf("the mean |correlation| between dimensions is %.2f; %.0f %% of the dimensions are dead", s.Correlation, 100*s.Dead),
	}
}

func normEvidence(s Spectrum, size float64) string {
	return fmt.Sprintf("the mean norm is %.3g, %.2g for a coordinate where %g to %g trains well; directions are spread (%.2f of 1)",
		s.Norm, size, normLow, normHigh, s.Spread)
}

func completeAdvice(c Context) []string {
	first := "give the objective a variance term: `--add-reg var,cov`, or for VICReg a mu as large as lambda"
	if c.Variance > 0 {
		first = fmt.Sprintf("raise the variance weight, now %g: VICReg's table of coefficients collapses unless mu equals lambda and is above 1", c.Variance)
	}
	return []string{first, "lower the learning rate or lengthen the warm-up", "check that the heads keep their batch norm"}
}

func bypassAdvice(c Context) []string {
	first := "add `--add-reg var,cov`: with variance kept up, the predictor cannot win by a constant"
	if c.Variance > 0 {
		first = fmt.Sprintf("raise the variance weight, now %g", c.Variance)
	}
	return []string{first, "keep the predictor's learning rate fixed, as SimSiam does, or raise it", "check that the target branch is stopped (stop-gradient or EMA)"}
}

func dimensionalAdvice(c Context) []string {
	first := "decorrelate the dimensions: `--add-reg cov`, with `var` where the objective has no variance term"
	if c.Covariance > 0 {
		first = fmt.Sprintf("raise the covariance weight, now %g", c.Covariance)
	}
	return []string{first, "weaken the augmentation, which can wash directions out (Jing et al. 2022)", "use batches larger than the embedding is wide, or a narrower projector"}
}
