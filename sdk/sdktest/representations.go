package sdktest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/wire"
)

// checkNetworkDeterminism traces twice, to the byte.
func checkNetworkDeterminism(ctx context.Context, s BackboneSubject) (finding, error) {
	var encoded [2][]byte
	for i := range encoded {
		n, err := s.smallest(ctx)
		if err != nil {
			return finding{}, err
		}
		if encoded[i], err = wire.MarshalNetwork(n); err != nil {
			return finding{}, err
		}
	}
	if !bytes.Equal(encoded[0], encoded[1]) {
		return finding{}, fmt.Errorf("two traces give two networks: does it read a map, a clock or chance?")
	}
	return ok("two traces give the same %d bytes", len(encoded[0]))
}

// Representations of standard normal images whose spread at the start lies outside are hard to learn from.
const (
	leastSpread = 1e-3
	mostSpread  = 1e3
)

// checkInitialValues looks at the representations that a network begins with.
func checkInitialValues(ctx context.Context, s BackboneSubject) (finding, error) {
	n, err := s.smallest(ctx)
	if err != nil {
		return finding{}, err
	}
	const images = 8
	a, err := training(n, images, 1)
	if err != nil {
		return finding{}, err
	}
	at := a.values()
	for _, p := range a.store.Params() {
		p.Init.Draw(at[p.Name], seed, p.Name)
		if p.Layout != nn.Vector && p.Init.Dist == nn.Constant {
			return warn("%s starts with all weights at %g, so that its outputs learn the same", p.Name, p.Init.Scale)
		}
	}
	y, err := a.representations(at)
	if err != nil {
		return finding{}, err
	}
	spread := spreadOf(y, images)
	says := fmt.Sprintf("representations of normal images have a standard deviation of %.3g", spread)
	switch {
	case !finite(spread):
		return finding{}, fmt.Errorf("with the initial values the representations are not finite")
	case spread == 0:
		return finding{}, fmt.Errorf("with the initial values every image has the same representation")
	case spread < leastSpread || spread > mostSpread:
		return warn("%s; between %g and %g learning is easier", says, leastSpread, mostSpread)
	}
	return ok("%s", says)
}

// spreadOf is the root mean square of the features' deviations from their mean over the images.
func spreadOf(y []float32, images int) float64 {
	d := len(y) / images
	total := 0.0
	for j := range d {
		mean := 0.0
		for i := range images {
			mean += float64(y[i*d+j]) / float64(images)
		}
		for i := range images {
			total += math.Pow(float64(y[i*d+j])-mean, 2) / float64(len(y))
		}
	}
	return math.Sqrt(total)
}

// checkViews passes two views in one batch and by themselves: in training each has batch statistics of its own.
func checkViews(ctx context.Context, s BackboneSubject) (finding, error) {
	n, err := s.smallest(ctx)
	if err != nil {
		return finding{}, err
	}
	const images = 3
	both, err := training(n, 2*images, 2)
	if err != nil {
		return finding{}, err
	}
	single, err := training(n, images, 1)
	if err != nil {
		return finding{}, err
	}
	at := both.values()
	y, err := both.representations(at)
	if err != nil {
		return finding{}, err
	}
	alone := maps.Clone(at)
	for view := range 2 {
		pixels := len(at[imagesName]) / 2
		alone[imagesName] = at[imagesName][view*pixels : (view+1)*pixels]
		want, err := single.representations(alone)
		if err != nil {
			return finding{}, err
		}
		if err := apart(want, y[view*len(want):(view+1)*len(want)], 1e-5); err != nil {
			return finding{}, fmt.Errorf("view %d by itself, and in one batch with another: %w", view, err)
		}
	}
	return ok("two views in one batch are as each by itself, %d batch norms", len(both.store.Buffers())/2)
}

// checkApart changes and reorders other images: in evaluation a representation is of one image.
func checkApart(ctx context.Context, s BackboneSubject) (finding, error) {
	n, err := s.smallest(ctx)
	if err != nil {
		return finding{}, err
	}
	a, err := evaluation(n, 5)
	if err != nil {
		return finding{}, err
	}
	at := a.values()
	before, err := a.representations(at)
	if err != nil {
		return finding{}, err
	}
	if slices.Equal(a.row(before, 0), a.row(before, 1)) {
		return finding{}, fmt.Errorf("two images have the same representation: it does not depend on the images")
	}
	first := slices.Clone(a.image(at, 0))
	copy(a.image(at, 0), a.image(at, 3))
	copy(a.image(at, 3), first)
	for i := range a.image(at, 1) {
		a.image(at, 1)[i] *= 3
	}
	after, err := a.representations(at)
	if err != nil {
		return finding{}, err
	}
	for was, is := range map[int]int{0: 3, 3: 0, 2: 2, 4: 4} {
		if err := apart(a.row(before, was), a.row(after, is), 1e-6); err != nil {
			return finding{}, fmt.Errorf("in evaluation the representation of an image depends on the others: %w", err)
		}
	}
	return ok("in evaluation an image has the same representation among any others, in any order")
}

// checkConstantImages holds representations and gradients of black, of equal and of very bright images to be finite.
func checkConstantImages(ctx context.Context, s BackboneSubject) (finding, error) {
	for _, value := range []float32{0, 0.5, 100} {
		loss, grads, err := s.constant(ctx, value)
		if err != nil {
			return finding{}, err
		}
		if !finite(loss) {
			return finding{}, fmt.Errorf("images of the constant %g: the representations are not finite; a root or quotient needs an epsilon inside", value)
		}
		for _, name := range slices.Sorted(maps.Keys(grads)) {
			if !allFinite(grads[name]) {
				return finding{}, fmt.Errorf("images of the constant %g: the gradient of %s is not finite; a root or quotient needs an epsilon inside", value, name)
			}
		}
	}
	return ok("representations and gradients are finite for images of one colour, black to far too bright")
}

func (s BackboneSubject) constant(ctx context.Context, value float32) (loss float64, grads map[string][]float32, err error) {
	n, err := s.smallest(ctx)
	if err != nil {
		return 0, nil, err
	}
	g, err := newSlope(n)
	if err != nil {
		return 0, nil, err
	}
	at := g.values()
	for i := range at[imagesName] {
		at[imagesName][i] = value
	}
	return g.gradients(at)
}

// checkNaNImages gives one image pixels that are not numbers. Its representation must not be finite then: a run is stopped
// for it.
func checkNaNImages(ctx context.Context, s BackboneSubject) (finding, error) {
	n, err := s.smallest(ctx)
	if err != nil {
		return finding{}, err
	}
	a, err := evaluation(n, 2)
	if err != nil {
		return finding{}, err
	}
	at := a.values()
	for i := range a.image(at, 1) {
		a.image(at, 1)[i] = float32(math.NaN())
	}
	y, err := a.representations(at)
	if err != nil {
		return finding{}, err
	}
	switch {
	case !allFinite(a.row(y, 0)):
		return finding{}, fmt.Errorf("in evaluation an image that is NaN spoils the representation of another")
	case allFinite(a.row(y, 1)):
		return warn("the representation of an image that is NaN is finite: a broken image would not be noticed")
	}
	return ok("the representation of an image that is NaN is not finite, that of its neighbour is")
}
