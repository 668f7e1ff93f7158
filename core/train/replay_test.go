package train

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/model"
)

// What a golden file holds of a training.
const (
	goldenSteps = 3
	goldenViews = 2
)

// replay is a golden file on a device, ready to be run several times.
type replay struct {
	t       *testing.T
	golden  *golden
	pool    *kernel.Pool
	net     *network
	relus   []activation // of a watched replay
	initial map[string][]float32
	pixels  [goldenSteps][]float32
}

// mode says whether a replay computes what training computes, or keeps the inputs of the ReLUs too.
type mode bool

const (
	trains  mode = false
	watches mode = true
)

func (g *golden) replay(t *testing.T, device engine.Device, pool *kernel.Pool, m mode) *replay {
	t.Helper()
	return g.replayIn(t, engine.FP32, device, pool, m)
}

func (g *golden) replayIn(t *testing.T, stored engine.Precision, device engine.Device, pool *kernel.Pool, m mode) *replay {
	t.Helper()
	r := &replay{t: t, golden: g, pool: pool, net: &network{spec: g.spec(t), stored: stored}}
	n := r.net
	var err error
	if n.model, err = model.Build(n.spec); err != nil {
		t.Fatal(err)
	}
	n.values, r.initial = g.initial(t, n.model), g.initial(t, n.model)
	outputs := n.outputs()
	if m == watches {
		r.relus = activations(n.model)
		for _, a := range r.relus {
			outputs = append(outputs, a.input)
		}
	}
	if n.exe, err = load(device, n.stored, outputs, nil); err != nil {
		t.Fatal(err)
	}
	for _, p := range n.model.Params {
		if err := n.exe.Bind(p.Tensor, n.values[p.Name]); err != nil {
			t.Fatal(err)
		}
	}
	for step := range goldenSteps {
		r.pixels[step] = g.pixels(t, step)
	}
	return r
}

// run trains from the file's initial weights, with nudges in force while a step's gradients are computed, and compares.
func (r *replay) run(turned []kink) fit {
	r.t.Helper()
	return r.train(func(step int) []kink {
		for _, k := range turned {
			k.nudge(step, r.net.values, +1)
		}
		r.forwardBackward(step)
		return turned
	})
}

// train runs the steps; pass computes the gradients of one and gives the nudges that it left in force.
func (r *replay) train(pass func(step int) []kink) fit {
	r.t.Helper()
	n := r.net
	for name, v := range r.initial {
		copy(n.values[name], v)
	}
	opt, err := newOptimiser(r.golden.config(r.t), n, goldenSteps, goldenSteps, r.pool)
	if err != nil {
		r.t.Fatal(err)
	}
	var f fit
	for step := range goldenSteps {
		nudged := pass(step)
		f = append(f, r.loss(step))
		if step == 0 {
			f = append(f, r.gradients()...)
		}
		opt.step(step)
		n.updateBuffers()
		for _, k := range nudged {
			k.nudge(step, n.values, -1)
		}
	}
	return append(f, r.finals()...)
}

func (r *replay) forwardBackward(step int) {
	r.t.Helper()
	if err := errors.Join(r.net.exe.Bind(r.net.model.Pixels, r.pixels[step]), r.net.exe.Run(r.t.Context())); err != nil {
		r.t.Fatal(err)
	}
}

// How far a replay in float32 may be from the truth in float64. An error counts relative to the largest magnitude in its
// tensor, but for final values.
const (
	firstLossTolerance = 1e-5
	laterLossTolerance = 1e-3
	lossFloor          = 0.1  // a mean of cosines may come out near 0, and rounds relative to 1
	gradientTolerance  = 2e-5 // of the first step
	finalTolerance     = 1e-3 // weights and running statistics after all steps, of how far their tensor has moved
	leastMove          = 1e-2 // share of its magnitude that a tensor has moved at least, for this purpose
	// zeroGradient is the share of the network's largest gradient under which a tensor's gradient is zero but for rounding,
	// as that of a bias before batch norm; it then is held to zeroScale of that largest gradient, and its final value is
	// compared by its magnitude.
	zeroGradient = 1e-6
	zeroScale    = 1e-2
)

func (r *replay) loss(step int) deviation {
	got, want := r.net.exe.Read(r.net.model.Loss), r.golden.tensors["loss"].F32[step:step+1]
	tolerance := laterLossTolerance
	if step == 0 {
		tolerance = firstLossTolerance
	}
	return deviate("loss", fmt.Sprintf("loss of step %d", step), got, want, lossFloor, tolerance)
}

func (r *replay) gradients() fit {
	var f fit
	for _, p := range r.net.model.Params {
		if p.Frozen {
			continue
		}
		floor := 0.0
		if r.golden.vanishing(p.Name) {
			floor = zeroScale * r.golden.largestGradient()
		}
		got, want := model.ToTorch(p.Param, r.net.exe.Read(p.Grad)), r.golden.tensors["grad."+p.Name].F32
		f = append(f, deviate("gradients", "gradient of "+p.Name, got, want, floor, gradientTolerance))
	}
	return f
}

func (r *replay) finals() fit {
	var f fit
	final := func(kind, name string, got []float32) {
		online := strings.TrimPrefix(name, "target.")
		want, start := r.golden.tensors["final."+name].F32, r.golden.tensors["init."+online].F32
		scale := max(magnitude(difference(want, start)), leastMove*magnitude(want))
		if kind == "weights" && r.golden.vanishing(online) {
			scale = magnitude(want)
		}
		f = append(f, deviation{kind, name + " at the end", magnitude(difference(got, want)) / scale, finalTolerance})
	}
	for _, p := range r.net.model.Params {
		final("weights", p.Name, model.ToTorch(p.Param, r.net.values[p.Name]))
	}
	for _, b := range r.net.model.Buffers {
		final("statistics", b.Name, r.net.values[b.Name])
	}
	return f
}

// vanishing reports whether a parameter's gradient is zero but for rounding.
func (g *golden) vanishing(parameter string) bool {
	return magnitude(g.tensors["grad."+parameter].F32) < zeroGradient*g.largestGradient()
}

func (g *golden) largestGradient() float64 {
	largest := 0.0
	for name, tensor := range g.tensors {
		if strings.HasPrefix(name, "grad.") {
			largest = max(largest, magnitude(tensor.F32))
		}
	}
	return largest
}

// deviation is the largest error of a tensor, relative to a scale, beside what is allowed.
type deviation struct {
	kind, what       string
	error, tolerance float64
}

// deviate compares a tensor with the truth. Its scale is its largest magnitude, but at least floor.
func deviate(kind, what string, got, want []float32, floor, tolerance float64) deviation {
	return deviation{kind, what, magnitude(difference(got, want)) / max(magnitude(want), floor), tolerance}
}

// difference is a - b; a NaN where their lengths differ, or there is nothing to compare.
func difference(a, b []float32) []float32 {
	if len(a) != len(b) || len(a) == 0 {
		return []float32{float32(math.NaN())}
	}
	d := slices.Clone(a)
	for i := range d {
		d[i] -= b[i]
	}
	return d
}

// magnitude is the largest absolute value; infinite where there is a NaN.
func magnitude(x []float32) float64 {
	largest := 0.0
	for _, v := range x {
		if v != v {
			return math.Inf(1)
		}
		largest = max(largest, math.Abs(float64(v)))
	}
	return largest
}

// excess is the error in units of what is allowed.
func (d deviation) excess() float64 { return d.error / d.tolerance }

// fit is how well a replay agrees with the truth.
type fit []deviation

// worst is the deviation of a kind ("" for all) with the largest excess.
func (f fit) worst(kind string) deviation {
	w := deviation{tolerance: 1}
	for _, d := range f {
		if (kind == "" || d.kind == kind) && !(d.excess() < w.excess()) {
			w = d
		}
	}
	return w
}

// good reports whether everything agrees.
func (f fit) good() bool { return f.worst("").excess() <= 1 }

// distance is the root of the sum of the squared excesses: what the search for kinks makes smaller.
func (f fit) distance() float64 {
	sum := 0.0
	for _, d := range f {
		sum += d.excess() * d.excess()
	}
	return math.Sqrt(sum)
}

func (f fit) String() string {
	s := ""
	for _, kind := range []string{"loss", "gradients", "weights", "statistics"} {
		s += fmt.Sprintf("%s %.1e, ", kind, f.worst(kind).error)
	}
	w := f.worst("")
	return fmt.Sprintf("%sworst %s at %.2g of what is allowed", s, w.what, w.excess())
}
