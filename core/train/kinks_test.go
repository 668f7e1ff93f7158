package train

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"

	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/sdk/expr"
)

// A ReLU's gradient jumps at 0. Where an input lies closer to 0 than float32 rounds, a replay may fall on the other side
// than the truth, and its gradients then are those of a network that differs in one activation: off by up to a tenth in
// networks of this size, in PyTorch's float32 too. No tolerance tells that from an error in a kernel. So a replay that
// disagrees is tried with such activations on their other side, by a shift of their channel that is as small as the
// rounding itself, and must then agree within the tolerances of arithmetic.

// near bounds the inputs that count as kinks in each step, relative to the tensor's root mean square: some dozen units of
// float32's rounding (6e-8) after ten layers, and what that grows to as weights move. A network of width 8 has about 300
// thousand inputs in a step, of which one lies within the first bound.
var near = [goldenSteps]float64{4e-6, 2e-5, 5e-5}

const (
	// nudgeLeast is the least distance from 0, in the same unit, at which a turned activation is put: beyond rounding.
	nudgeLeast = 1e-6
	// maxTurned bounds the kinks that are turned in one file.
	maxTurned = 6
	// mostGone is the share of the disagreement that may be left where a kink is taken without trying others.
	mostGone = 0.3
)

// kink is an element of a ReLU's input that is zero but for rounding.
type kink struct {
	step    int
	shift   string // parameter that shifts the element's channel
	channel int
	element int
	value   float64 // of the element
	rms     float64 // of its tensor
}

func (k kink) same(l kink) bool {
	return k.step == l.step && k.shift == l.shift && k.element == l.element
}

func (k kink) String() string {
	return fmt.Sprintf("step %d, %s[%d], element %d at %+.1e of the rms", k.step, k.shift, k.channel, k.element, k.value/k.rms)
}

// nudge moves the shift of the kink's channel so that the element lies as far on the other side of 0, or with the
// direction -1 moves it back.
func (k kink) nudge(step int, values map[string][]float32, direction float64) {
	if step == k.step {
		by := -k.value - math.Copysign(max(math.Abs(k.value), nudgeLeast*k.rms), k.value)
		values[k.shift][k.channel] += float32(direction * by)
	}
}

// agree demands that a replay agrees with the truth, once the right kinks are turned. It begins with those that were turned
// for another device, and gives those that it needed. The watched replay is of the same device.
func agree(t *testing.T, r, watched *replay, turned []kink) []kink {
	t.Helper()
	r.t, watched.t = t, t
	best, _ := r.run(turned)
	for !best.good() && len(turned) < maxTurned {
		k, f, found := turnOne(r, watched, turned, best)
		if !found {
			break
		}
		t.Logf("turned %s: excess %.3g -> %.3g", k, best.worst("").excess(), f.worst("").excess())
		best, turned = f, append(turned, k)
	}
	t.Logf("%d kinks turned: %s", len(turned), best)
	for _, d := range best {
		if d.excess() > 1 {
			t.Errorf("%s is off by %.2g, allowed are %.2g", d.what, d.error, d.tolerance)
		}
	}
	return turned
}

// turnOne finds the kink that brings the replay closest to the truth, nearest to 0 first. The first that makes most of the
// disagreement go is taken without trying the others.
func turnOne(r, watched *replay, turned []kink, before fit) (turn kink, after fit, found bool) {
	_, met := watched.run(turned)
	slices.SortFunc(met, func(a, b kink) int { return cmp.Compare(math.Abs(a.value/a.rms), math.Abs(b.value/b.rms)) })
	after = before
	for _, k := range met {
		if slices.ContainsFunc(turned, k.same) {
			continue
		}
		f, _ := r.run(append(slices.Clone(turned), k))
		if f.distance() < after.distance() {
			turn, after, found = k, f, true
		}
		if after.distance() < mostGone*before.distance() {
			break
		}
	}
	return turn, after, found
}

// activation is a ReLU with the parameter that shifts its input.
type activation struct {
	input expr.Tensor
	shift string
}

// activations lists the ReLUs on which the loss depends differentiably and that follow a batch norm with a shift.
func activations(m *model.Model) []activation {
	var out []activation
	seen := map[*gorgonia.Node]bool{}
	var walk func(n *gorgonia.Node)
	walk = func(n *gorgonia.Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		op, ok := n.Op().(*expr.Op)
		if !ok || op.Kind == expr.StopGradient {
			return
		}
		children := expr.Children(n)
		for _, c := range children {
			walk(c)
		}
		if op.Kind == expr.ReLU {
			if shift := shiftOf(children[0]); shift != "" {
				out = append(out, activation{m.Builder.Of(children[0]), shift})
			}
		}
	}
	walk(m.Loss.Node())
	return out
}

// shiftOf is the shift of the batch norm that ends in a node, or whose output is the first operand of the sum that does.
func shiftOf(n *gorgonia.Node) string {
	op, ok := n.Op().(*expr.Op)
	if !ok {
		return ""
	}
	switch children := expr.Children(n); {
	case op.Kind == expr.BNApply && len(children) == 4:
		return children[3].Name()
	case op.Kind == expr.Add:
		return shiftOf(children[0])
	}
	return ""
}

// kinks are those among the elements of the input.
func (a activation) kinks(step int, x []float32) []kink {
	squares := 0.0
	for _, v := range x {
		squares += float64(v) * float64(v)
	}
	rms := math.Sqrt(squares / float64(len(x)))
	var out []kink
	channels := a.input.Dim(len(a.input.Shape()) - 1)
	for i, v := range x {
		if math.Abs(float64(v)) < near[step]*rms {
			out = append(out, kink{step, a.shift, i % channels, i, float64(v), rms})
		}
	}
	return out
}
