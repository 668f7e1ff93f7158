package sdktest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// weightsName is the input by which features are weighed into a scalar.
const weightsName = "weights"

// slope is a network with a scalar at its end, a weighted mean of the features of some images, and its gradients by parameter.
type slope struct {
	*applied
	evaluator
}

// newSlope applies a network to eight images in training, enough for the statistics of a batch norm to be smooth. A parameter
// without influence is an error.
func newSlope(n *backbone.Network) (*slope, error) {
	a, err := training(n, 8, 1)
	if err != nil {
		return nil, err
	}
	weights := a.builder.Input(weightsName, a.y.Shape()...)
	g := &slope{a, evaluator{loss: a.y.Mul(weights).Mean(), grads: map[string]expr.Tensor{}}}
	var wrt []expr.Tensor
	for _, p := range a.store.Params() {
		wrt = append(wrt, p.Tensor)
	}
	grads, err := a.builder.Grad(g.loss, wrt...)
	if err != nil {
		return nil, err
	}
	for i, p := range a.store.Params() {
		if grads[i].Node() == nil {
			return nil, fmt.Errorf("the parameter %s has no influence on the representations", p.Name)
		}
		g.grads[p.Name] = grads[i]
	}
	return g, nil
}

func (g *slope) values() map[string][]float32 {
	at := g.applied.values()
	at[weightsName] = moved(weightsName, nn.Init{Dist: nn.Normal, Scale: 1}, g.y.Shape(), 0)
	return at
}

// compared bounds the parameters whose gradients are compared: a forward pass by references takes its time.
const compared = 12

// checkNetworkGradients compares, for parameters all over the network, the length of the gradient with the finite difference
// along it. Where rectifiers turn between the points the length lies between the differences to both sides.
func checkNetworkGradients(ctx context.Context, s BackboneSubject) (finding, error) {
	n, err := s.smallest(ctx)
	if err != nil {
		return finding{}, err
	}
	if len(n.Params) == 0 {
		return warn("the network has no parameters: nothing would be learned")
	}
	g, err := newSlope(n)
	if err != nil {
		return finding{}, err
	}
	at := g.values()
	loss, grads, err := g.gradients(at)
	if err != nil {
		return finding{}, err
	}
	for _, name := range spread(slices.Sorted(maps.Keys(grads)), compared) {
		if err := ctx.Err(); err != nil {
			return finding{}, err
		}
		if err := g.along(at, loss, name, grads[name]); err != nil {
			return finding{}, err
		}
	}
	return ok("of %d of %d parameters agree with finite differences", min(len(grads), compared), len(grads))
}

// spread takes at most n elements, evenly.
func spread(all []string, n int) []string {
	if len(all) <= n {
		return all
	}
	out := make([]string, n)
	for i := range out {
		out[i] = all[i*(len(all)-1)/(n-1)]
	}
	return out
}

// nudge is the distance of the finite difference as a share of a parameter's length, and agreement what the two lengths may
// differ by.
const (
	nudge     = 1.0 / 2048
	agreement = 0.05
)

func (g *slope) along(at map[string][]float32, loss float64, name string, grad []float32) error {
	length := norm(grad)
	if !finite(length) || length == 0 {
		return fmt.Errorf("the gradient of %s has the length %g", name, length)
	}
	own := at[name]
	defer func() { at[name] = own }()
	reach := nudge * max(norm(own), 1e-2)
	var sides [2]float64
	for i, sign := range []float64{1, -1} {
		at[name] = make([]float32, len(own))
		for j := range own {
			at[name][j] = own[j] + float32(sign*reach*float64(grad[j])/length)
		}
		end, err := g.value(at)
		if err != nil {
			return err
		}
		sides[i] = sign * (end - loss) / reach
	}
	const rounding = 1.0 / (1 << 20)
	slack := agreement*length + rounding*math.Abs(loss)/reach
	if length < min(sides[0], sides[1])-slack || length > max(sides[0], sides[1])+slack {
		return fmt.Errorf("the gradient of %s has the length %.4g, the finite difference along it is %.4g", name, length, (sides[0]+sides[1])/2)
	}
	return nil
}

func norm(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}
