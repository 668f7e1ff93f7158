package sdktest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
)

// step of the finite differences, a power of two so that it is exact in float32.
const step = 1.0 / 256

// checkGradients compares every element of the symbolic gradient with a central finite difference of the loss, with what a
// stop-gradient holds back kept as it was. An element at a kink, where the differences to both sides disagree, is left out.
func checkGradients(ctx context.Context, s Subject) (finding, error) {
	o, err := s.trace(ctx)
	if err != nil {
		return finding{}, err
	}
	open, stops := frozen(o.Program)
	at := embeddings(o.Program)
	if stops != nil {
		held, err := evaluate(stops, at)
		if err != nil {
			return finding{}, err
		}
		maps.Copy(at, held)
	}
	symbolic, err := newEvaluator(o.Program, o.Loss)
	if err != nil {
		return finding{}, err
	}
	loss, grads, err := symbolic.gradients(at)
	if err != nil {
		return finding{}, err
	}
	if len(grads) == 0 {
		return finding{}, fmt.Errorf("the loss does not depend on any embedding that has a gradient: nothing would be learned")
	}
	numeric, err := newEvaluator(open, o.Loss)
	if err != nil {
		return finding{}, err
	}
	d := differences{numeric, at, loss, tolerance(loss, grads)}
	for _, name := range slices.Sorted(maps.Keys(grads)) {
		if err := d.compare(ctx, name, grads[name]); err != nil {
			return finding{}, err
		}
	}
	return ok("of %s agree with finite differences within %.2g", join(slices.Sorted(maps.Keys(grads))), d.slack)
}

// tolerance is a hundredth of the largest element, and what rounding of the loss to float32 makes of a difference.
func tolerance(loss float64, grads map[string][]float32) float64 {
	largest := 0.0
	for _, g := range grads {
		for _, v := range g {
			largest = max(largest, math.Abs(float64(v)))
		}
	}
	const rounding = 1.0 / (1 << 20) // sixteen units in the last place
	return 0.01*largest + rounding*math.Abs(loss)/step
}

type differences struct {
	*evaluator
	at    map[string][]float32
	loss  float64
	slack float64
}

func (d differences) compare(ctx context.Context, name string, grad []float32) error {
	x := d.at[name]
	kinks := 0
	for i, own := range x {
		if err := ctx.Err(); err != nil {
			return err
		}
		x[i] = own + step
		above, err := d.value(d.at)
		if err != nil {
			return err
		}
		x[i] = own - step
		below, err := d.value(d.at)
		if err != nil {
			return err
		}
		x[i] = own
		right, left := (above-d.loss)/step, (d.loss-below)/step
		got, want := float64(grad[i]), (above-below)/(2*step)
		switch {
		case math.Abs(got-want) <= d.slack:
		case math.Abs(right-left) > 4*d.slack && min(left, right)-d.slack <= got && got <= max(left, right)+d.slack:
			kinks++
		default:
			return fmt.Errorf("element %d of the gradient of %s is %.4g, the finite difference %.4g", i, name, got, want)
		}
	}
	if 2*kinks > len(x) {
		return fmt.Errorf("%d of %d elements of %s lie on a kink of the loss, where it has no gradient", kinks, len(x), name)
	}
	return nil
}
