package train

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
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
	// nudgeTo is the distance from 0, in the same unit, at which a turned activation is put: beyond rounding.
	nudgeTo = 1e-6
	// maxTurned bounds the kinks that are turned in one file.
	maxTurned = 6
	// mostGone is the share of the disagreement that may be left where a kink is taken without trying others. It is small: a
	// wrong one may make half of it go.
	mostGone = 0.02
)

// kink is an element of a ReLU's input that is zero but for rounding.
type kink struct {
	step    int
	shift   string // parameter that shifts the element's channel
	channel int
	element int
	value   float64 // of the element where it was met, in units of its tensor's root mean square
	// by is added to the shift to put the element on the other side.
	by float32
}

func (k kink) same(l kink) bool {
	return k.step == l.step && k.shift == l.shift && k.element == l.element
}

func (k kink) String() string {
	return fmt.Sprintf("step %d, %s[%d], element %d at %+.1e of the rms", k.step, k.shift, k.channel, k.element, k.value)
}

// nudge adds the nudge to the kink's shift in its step, or with the direction -1 takes it back.
func (k kink) nudge(step int, values map[string][]float32, direction float32) {
	if step == k.step {
		values[k.shift][k.channel] += direction * k.by
	}
}

// agree demands that a replay on a device agrees with the truth, once the right kinks are turned. The search begins with the
// kinks that were turned for another device; agree gives those that it turned.
func (g *golden) agree(t *testing.T, d engine.Device, pool *kernel.Pool, turned []kink) []kink {
	t.Helper()
	r := g.replay(t, d, pool, trains)
	f := r.run(nil)
	if !f.good() {
		turned = search(t, g.replay(t, d, pool, watches), turned)
		f = r.run(turned)
		t.Logf("with %d kinks turned: %s", len(turned), f)
	} else {
		t.Logf("%s", f)
	}
	for _, d := range f {
		if !(d.excess() <= 1) {
			t.Errorf("%s is off by %.2g, allowed are %.2g", d.what, d.error, d.tolerance)
		}
	}
	return turned
}

// search turns one kink after the other, or one of them back, until the watched replay agrees or nothing brings it closer.
func search(t *testing.T, w *replay, turned []kink) []kink {
	t.Helper()
	w.t = t
	s := w.settle(turned)
	for !s.fit.good() && len(s.turned) <= maxTurned {
		next, found := w.turnOne(s)
		if !found {
			break
		}
		t.Logf("excess %.3g -> %.3g with %v", s.fit.worst("").excess(), next.fit.worst("").excess(), next.turned)
		s = next
	}
	return s.turned
}

// turnOne turns the kink that brings the replay closest to the truth, nearest to 0 first. The first that makes most of the
// disagreement go is taken without trying the others.
func (r *replay) turnOne(from settled) (best settled, found bool) {
	r.t.Helper()
	best = from
	slices.SortFunc(from.met, func(a, b kink) int { return cmp.Compare(math.Abs(a.value), math.Abs(b.value)) })
	var choices [][]kink
	for _, k := range from.met {
		choices = append(choices, append(slices.Clone(from.turned), k))
	}
	for i := range from.turned {
		choices = append(choices, slices.Delete(slices.Clone(from.turned), i, i+1))
	}
	for _, turned := range choices {
		s := r.settle(turned)
		if s.fit.distance() < best.fit.distance() {
			best, found = s, true
		}
		if best.fit.good() || best.fit.distance() < mostGone*from.fit.distance() {
			break
		}
	}
	return best, found
}

// settled is a watched replay in which every turned kink lies on its side.
type settled struct {
	fit    fit
	turned []kink // with their nudges
	met    []kink // the others
}

// settle runs a watched replay and sets the nudges of the kinks so that each comes to lie on its other side.
func (r *replay) settle(turned []kink) settled {
	r.t.Helper()
	s := settled{turned: slices.Clone(turned)}
	for i := range s.turned {
		s.turned[i].by = 0
	}
	s.fit = r.train(func(step int) []kink {
		r.forwardBackward(step)
		for range maxTurned { // a nudge moves what comes after it
			if !r.push(step, s.turned) {
				break
			}
			r.forwardBackward(step)
		}
		for _, a := range r.relus {
			for _, k := range a.kinks(step, r.net.exe.Read(a.input)) {
				if !slices.ContainsFunc(turned, k.same) {
					s.met = append(s.met, k)
				}
			}
		}
		return s.turned
	})
	return s
}

// push nudges the kinks of a step that do not lie on their side, and reports whether there were any.
func (r *replay) push(step int, turned []kink) (pushed bool) {
	for i := range turned {
		k := &turned[i]
		if k.step != step {
			continue
		}
		a := r.relus[slices.IndexFunc(r.relus, func(a activation) bool { return a.shift == k.shift })]
		x := r.net.exe.Read(a.input)
		side, distance := -math.Copysign(1, k.value), nudgeTo*rms(x)
		if v := float64(x[k.element]); v*side < distance/2 {
			by := float32(side*distance - v)
			k.by += by
			r.net.values[k.shift][k.channel] += by
			pushed = true
		}
	}
	return pushed
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
	unit := rms(x)
	channels := a.input.Dim(len(a.input.Shape()) - 1)
	var out []kink
	for i, v := range x {
		if value := float64(v) / unit; math.Abs(value) < near[step] {
			out = append(out, kink{step: step, shift: a.shift, channel: i % channels, element: i, value: value})
		}
	}
	return out
}

// rms is the root mean square.
func rms(x []float32) float64 {
	squares := 0.0
	for _, v := range x {
		squares += float64(v) * float64(v)
	}
	return math.Sqrt(squares / float64(len(x)))
}
