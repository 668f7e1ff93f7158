package sdktest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
)

// BackboneSubject is a backbone that is checked, in this process or in a plugin's: how to ask it.
type BackboneSubject struct {
	Describe func(ctx context.Context) (method.Description, error)
	Trace    func(ctx context.Context, params map[string]any, im backbone.Images) (*backbone.Network, error)
}

// Backbone is a backbone of this process as a subject.
func Backbone(b backbone.Backbone) BackboneSubject {
	return BackboneSubject{
		Describe: func(context.Context) (method.Description, error) { return b.Describe(), nil },
		Trace: func(_ context.Context, params map[string]any, im backbone.Images) (*backbone.Network, error) {
			return backbone.Trace(b, params, im)
		}}
}

// networkChecks are those of a backbone.
func networkChecks(s BackboneSubject) []check {
	of := func(f func(context.Context, BackboneSubject) (finding, error)) func(context.Context) (finding, error) {
		return func(ctx context.Context) (finding, error) { return f(ctx, s) }
	}
	return []check{
		{"description", of(checkBackboneDescription)},
		{"hyper-parameters", of(checkBackboneParams)},
		{"images", of(checkImages)},
		{"determinism", of(checkNetworkDeterminism)},
		{"initial values", of(checkInitialValues)},
		{"gradients", of(checkNetworkGradients)},
		{"views", of(checkViews)},
		{"images apart", of(checkApart)},
		{"constant images", of(checkConstantImages)},
		{"NaN images", of(checkNaNImages)},
		{"trace time", of(checkNetworkTime)},
	}
}

func checkBackboneDescription(ctx context.Context, s BackboneSubject) (finding, error) {
	f, err := described(ctx, wire.Backbone, s.Describe)
	if err != nil {
		return f, err
	}
	d, err := s.Describe(ctx)
	if err == nil && len(d.Presets) > 0 {
		err = fmt.Errorf("a backbone has no presets: those of a method choose it")
	}
	return f, err
}

func checkBackboneParams(ctx context.Context, s BackboneSubject) (finding, error) {
	d, err := s.Describe(ctx)
	if err != nil {
		return finding{}, err
	}
	n, err := s.smallest(ctx)
	if err != nil {
		return finding{}, err
	}
	return limits(d, func(params map[string]any) error {
		_, err := s.Trace(ctx, params, n.Images)
		return err
	})
}

// usual are the images of the data sets that sslctl knows, and of folders of photos.
var usual = []backbone.Images{{Size: 28, Channels: 1}, {Size: 32, Channels: 3}, {Size: 64, Channels: 3}, {Size: 224, Channels: 3}}

// checkImages traces for usual images, and takes each network through the wire's format and back.
func checkImages(ctx context.Context, s BackboneSubject) (finding, error) {
	var taken, refused []string
	var features, parameters []int
	var first error
	for _, im := range usual {
		n, err := s.Trace(ctx, nil, im)
		if err != nil {
			refused = append(refused, fmt.Sprint(im.Size))
			if first == nil {
				first = err
			}
			continue
		}
		if err := networkTravels(n); err != nil {
			return finding{}, fmt.Errorf("images of %d pixels: %w", im.Size, err)
		}
		taken = append(taken, fmt.Sprint(im.Size))
		features, parameters = append(features, n.Features()), append(parameters, n.Parameters())
	}
	if len(taken) == 0 {
		return finding{}, fmt.Errorf("none of the usual images: %w", first)
	}
	says := fmt.Sprintf("of %s pixels: y of %s, %s parameters", join(taken), span(features), span(parameters))
	if len(refused) > 0 {
		return warn("%s; not of %s pixels: %v", says, join(refused), first)
	}
	return ok("%s", says)
}

// span is the least and the largest number, or the only one.
func span(all []int) string {
	if least, most := slices.Min(all), slices.Max(all); least != most {
		return fmt.Sprintf("%d to %d", least, most)
	}
	return fmt.Sprint(all[0])
}

func networkTravels(n *backbone.Network) error {
	data, err := wire.MarshalNetwork(n)
	if err != nil {
		return err
	}
	back, err := wire.UnmarshalNetwork(data)
	if err == nil && back.Two.String()+back.Three.String() != n.Two.String()+n.Three.String() {
		err = fmt.Errorf("the network is another after encoding and decoding")
	}
	return err
}

// smallest is the network, with the defaults, of the least images for which there is one: what is computed by references takes
// little there.
func (s BackboneSubject) smallest(ctx context.Context) (*backbone.Network, error) {
	var first error
	for _, size := range []int{8, 16, 28, 32, 64, 96, 128, 224} {
		n, err := s.Trace(ctx, nil, backbone.Images{Size: size, Channels: 1})
		if err == nil {
			return n, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, fmt.Errorf("there is a network for gray images of no size from 8 to 224 pixels: %w", first)
}

// checkNetworkTime traces for photos.
func checkNetworkTime(ctx context.Context, s BackboneSubject) (finding, error) {
	im := usual[len(usual)-1]
	began := time.Now()
	n, err := s.Trace(ctx, nil, im)
	took := time.Since(began)
	if err != nil { // for which another check says why
		return warn("not for images of %d pixels", im.Size)
	}
	says := fmt.Sprintf("%d ops for images of %d pixels, traced in %v", len(n.Two.Steps), im.Size, took.Round(100*time.Microsecond))
	if took > slow {
		return warn("%s: every start of a run waits for it", says)
	}
	return ok("%s", says)
}
