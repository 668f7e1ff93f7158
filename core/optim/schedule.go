package optim

import (
	"math"

	"github.com/sslctl/sslctl/core/fault"
)

// Schedule is a learning rate over steps, a pure function of the step: a linear warm-up, then half a cosine or a
// constant. The zero values of Start and Final are the usual warm-up from 0 and decay to 0.
//
//	step k < Warmup:   LR·(Start + (1−Start)·k/Warmup)
//	cosine, later:     LR·(Final + (1−Final)·(1 + cos(π(k−Warmup)/(Total−Warmup)))/2)
//
// This is the form of the official VICReg, Barlow Twins and BYOL code; the last step, Total−1, is one short of
// Final. VICReg decays to Final = 0.001.
type Schedule struct {
	LR       float64 // peak
	Warmup   int     // steps
	Start    float64 // factor at step 0 of the warm-up
	Total    int     // steps of the run
	Final    float64 // factor that the cosine reaches at step Total
	Constant bool    // stay at LR after the warm-up
	Hold     int     // the cosine moves every Hold steps only: SimSiam's official code sets it once an epoch. 0 is 1.
}

// Check reports settings for which no schedule makes sense.
func (s Schedule) Check() error {
	switch {
	case !(s.LR >= 0) || math.IsInf(s.LR, 0):
		return fault.New(fault.Usage, "set optimizer.lr to a finite number of at least 0", "learning rate is %g", s.LR)
	case s.Total < 1:
		return fault.New(fault.Usage, "train for at least one step", "schedule has %d steps", s.Total)
	case s.Warmup < 0 || s.Warmup > s.Total:
		return fault.New(fault.Usage, "shorten the warm-up or train longer", "warm-up of %d steps does not fit a run of %d", s.Warmup, s.Total)
	case !(s.Start >= 0 && s.Start <= 1) || !(s.Final >= 0 && s.Final <= 1):
		return fault.New(fault.Usage, "give both as shares of the peak", "start factor %g and final factor %g must lie in 0 to 1", s.Start, s.Final)
	case s.Hold < 0:
		return fault.New(fault.Usage, "give the steps for which the rate stands still", "schedule holds for %d steps", s.Hold)
	}
	return nil
}

// At is the learning rate of step k = 0, 1, ...; beyond Total it stays at its final value.
func (s Schedule) At(k int) float64 {
	if k < s.Warmup {
		return s.LR * (s.Start + (1-s.Start)*float64(k)/float64(s.Warmup))
	}
	if s.Constant {
		return s.LR
	}
	if s.Hold > 1 {
		k = max(k/s.Hold*s.Hold, s.Warmup)
	}
	return s.LR * (s.Final + (1-s.Final)*cosine(k-s.Warmup, s.Total-s.Warmup))
}

// Momentum is the EMA coefficient of a target branch over steps (BYOL):
//
//	cosine:    m(k) = Final − (Final−Base)·(cos(πk/Total)+1)/2
//	constant:  m(k) = Base
//
// With Final = 1 it is the official 1−(1−τ)(cos(πk/K)+1)/2.
type Momentum struct {
	Base     float64
	Final    float64
	Total    int
	Constant bool
}

// At is the coefficient of step k = 0, 1, ...
func (m Momentum) At(k int) float64 {
	if m.Constant {
		return m.Base
	}
	return m.Final - (m.Final-m.Base)*cosine(k, m.Total)
}

// cosine falls from 1 at step 0 to 0 at step n along half a period.
func cosine(k, n int) float64 {
	if k >= n {
		return 0
	}
	return (1 + math.Cos(math.Pi*float64(k)/float64(n))) / 2
}
