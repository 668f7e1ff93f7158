package optim

import (
	"math"

	"github.com/sslctl/sslctl/core/fault"
)

// stepKey is the step count of AdamW in the state, a single number as in torch.
const stepKey = "step"

// maxSteps is the largest count below which every integer is a float32.
const maxSteps = 1 << 24

// State is what a checkpoint has to keep for an exact resume: "<slot>.<parameter>" with torch's names of slots
// (momentum_buffer; exp_avg and exp_avg_sq), in the parameter's own layout, and for AdamW "step". The slices are
// the optimiser's own: write them out before the next step.
func (o *Optimizer) State() map[string][]float32 {
	state := make(map[string][]float32, len(o.tensors)*len(o.rule.slots())+1)
	for _, t := range o.tensors {
		for i, slot := range o.rule.slots() {
			state[slot+"."+t.Name] = t.slots[i]
		}
	}
	if o.countsSteps() {
		state[stepKey] = []float32{float32(min(o.steps, maxSteps))}
	}
	return state
}

// Load copies a state back. It must be the state of the same rule over the same parameters: a missing, spare or
// misshapen entry is an error, and then nothing has been changed.
func (o *Optimizer) Load(state map[string][]float32) error {
	own := o.State()
	for name, values := range own {
		got, ok := state[name]
		switch {
		case !ok:
			return badState("optimiser state %s is missing", name)
		case len(got) != len(values):
			return badState("optimiser state %s has %d elements, needs %d", name, len(got), len(values))
		}
	}
	for name := range state {
		if _, ok := own[name]; !ok {
			return badState("optimiser state %s belongs to no parameter of this optimiser", name)
		}
	}
	if o.countsSteps() {
		n := state[stepKey][0]
		if !(n >= 0) || n > maxSteps || float64(n) != math.Trunc(float64(n)) {
			return badState("optimiser step count is %g", n)
		}
		o.steps = int(n)
	}
	for name, values := range own {
		copy(values, state[name])
	}
	return nil
}

func (o *Optimizer) countsSteps() bool {
	_, adam := o.rule.(AdamW)
	return adam
}

func badState(format string, args ...any) error {
	return fault.New(fault.Data, "the checkpoint was written with another optimiser or model: resume with the run's own configuration", format, args...)
}
