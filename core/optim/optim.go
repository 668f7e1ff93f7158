// Package optim moves parameters along their gradients: SGD, LARS and AdamW over named tensors, the learning rate
// and EMA schedules, and the moving average of a target branch.
//
// Most people need three calls: [New] joins a [Rule] ([SGD], [LARS], [AdamW]) to parameters, [Schedule.At] gives
// the learning rate of a step, [Optimizer.Step] applies it in place. State for checkpoints is [Optimizer.State]
// and [Optimizer.Load], by torch's names.
//
// The same values, gradients and rates give the same bits, whatever the number of threads.
package optim

import (
	"fmt"
	"math"
	"strings"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/fault"
)

// Param is one tensor to train. Value and Grad are read and written in place and hold the product of Shape elements each; Grad
// is nil where the step is a plan's ([Optimizer.Express]) or done by pieces ([Optimizer.Piecewise]). Only the length of Shape matters here: one-dimensional tensors are
// biases and the scales and shifts of norms, which rules may treat apart.
type Param struct {
	Name  string
	Value []float32
	Grad  []float32
	Shape []int
}

// Rate changes the learning rate of some parameters. The first rate in [Options] that matches a parameter holds.
type Rate struct {
	Prefix string  // of the name; "" matches every name
	OneDim bool    // match one-dimensional tensors only
	Scale  float64 // factor on the learning rate
	Fixed  bool    // use Options.LR at every step and not the scheduled rate (SimSiam's predictor)
}

// Options are the settings that all rules share.
type Options struct {
	LR    float64 // the rate of parameters that a Fixed rate keeps out of the schedule
	Rates []Rate
}

// Optimizer applies one rule to a set of parameters. It is not safe for concurrent use.
type Optimizer struct {
	rule    Rule
	base    float64
	tensors []*tensor
	steps   int
	rate    float64 // of the step that is done by pieces
}

// tensor is a parameter with what the rule keeps for it.
type tensor struct {
	Param
	rate  Rate
	slots [][]float32 // the rule's state, in the order of Rule.slots
}

func (t *tensor) oneDim() bool { return len(t.Shape) == 1 }

// New joins a rule to parameters. The rule's state begins at zero.
//
// It fails on parameters whose sizes disagree or whose names repeat, on settings out of range, and on a rate that
// matches no parameter, which is a slip of the prefix.
func New(params []Param, rule Rule, o Options) (*Optimizer, error) {
	if err := rule.check(); err != nil {
		return nil, err
	}
	if !(o.LR >= 0) || math.IsInf(o.LR, 0) {
		return nil, fault.New(fault.Usage, "set optimizer.lr to a finite number of at least 0", "learning rate is %g", o.LR)
	}
	opt := &Optimizer{rule: rule, base: o.LR}
	seen := make(map[string]bool, len(params))
	used := make([]bool, len(o.Rates))
	for _, p := range params {
		if err := checkParam(p, seen); err != nil {
			return nil, err
		}
		t := &tensor{Param: p, rate: Rate{Scale: 1}}
		if i := matchRate(o.Rates, p); i >= 0 {
			t.rate, used[i] = o.Rates[i], true
		}
		for range rule.slots() {
			t.slots = append(t.slots, kernel.Alloc(len(p.Value)))
		}
		opt.tensors = append(opt.tensors, t)
	}
	for i, r := range o.Rates {
		switch {
		case !(r.Scale >= 0) || math.IsInf(r.Scale, 0):
			return nil, fault.New(fault.Usage, "give a finite factor of at least 0", "learning rate factor of %q is %g", r.Prefix, r.Scale)
		case !used[i]:
			return nil, fault.New(fault.Usage, "check the prefix against the names of the parameters", "learning rate of %q applies to no parameter", r.Prefix)
		}
	}
	return opt, nil
}

func checkParam(p Param, seen map[string]bool) error {
	n := 1
	for _, s := range p.Shape {
		n *= s
	}
	switch {
	case p.Name == "":
		return fmt.Errorf("parameter of shape %v has no name", p.Shape)
	case seen[p.Name]:
		return fmt.Errorf("parameter %s stands twice", p.Name)
	case len(p.Value) != n || p.Grad != nil && len(p.Grad) != n:
		return fmt.Errorf("parameter %s of shape %v needs %d elements, has %d values and %d gradients", p.Name, p.Shape, n, len(p.Value), len(p.Grad))
	}
	seen[p.Name] = true
	return nil
}

func matchRate(rates []Rate, p Param) int {
	for i, r := range rates {
		if strings.HasPrefix(p.Name, r.Prefix) && (!r.OneDim || len(p.Shape) == 1) {
			return i
		}
	}
	return -1
}

// Step updates every parameter in place from its gradient, if it has one. lr is the learning rate of this step, usually
// [Schedule.At]; rates of single parameters multiply it, fixed ones replace it by their share of Options.LR.
func (o *Optimizer) Step(p *kernel.Pool, lr float64) {
	o.steps++
	for _, t := range o.tensors {
		if t.Grad != nil {
			o.rule.step(p, t, o.rateOf(t.rate, lr), o.steps)
		}
	}
}

// rateOf is a tensor's learning rate at a step whose rate is lr.
func (o *Optimizer) rateOf(r Rate, lr float64) float64 {
	if r.Fixed {
		return o.base * r.Scale
	}
	return lr * r.Scale
}

// Steps is the number of steps taken, those before a Load included where the rule keeps them (AdamW).
func (o *Optimizer) Steps() int { return o.steps }
