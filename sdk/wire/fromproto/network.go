package fromproto

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// Images reads what a backbone is traced for.
func Images(m *methodv1.ImageShape) (im backbone.Images, err error) {
	size, err := whole(m.GetSize())
	if err != nil {
		return im, fmt.Errorf("size: %w", err)
	}
	channels, err := whole(m.GetChannels())
	if err != nil {
		return im, fmt.Errorf("channels: %w", err)
	}
	im = backbone.Images{Size: size, Channels: channels}
	return im, im.Check()
}

// Network reads a backbone's answer and checks all of it with [backbone.Network.Check].
func Network(m *methodv1.Network) (*backbone.Network, error) {
	if m == nil {
		return nil, fmt.Errorf("the network is missing")
	}
	n := &backbone.Network{}
	var err error
	if n.Images, err = Images(m.GetImages()); err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	if n.Two, err = Program(m.GetTwo()); err != nil {
		return nil, fmt.Errorf("network of 2 images: %w", err)
	}
	if n.Three, err = Program(m.GetThree()); err != nil {
		return nil, fmt.Errorf("network of 3 images: %w", err)
	}
	if count := len(m.GetParameters()); count > expr.MaxInputs {
		return nil, fmt.Errorf("network of %d parameters; at most %d", count, expr.MaxInputs)
	}
	for _, p := range m.GetParameters() {
		q, err := parameter(p)
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", p.GetName(), err)
		}
		n.Params = append(n.Params, q)
	}
	return n, n.Check()
}

func parameter(m *methodv1.Parameter) (p backbone.Param, err error) {
	p = backbone.Param{Name: m.GetName(), Init: nn.Init{Scale: m.GetScale()}}
	if p.Positions, err = whole(m.GetPositions()); err != nil {
		return p, fmt.Errorf("positions: %w", err)
	}
	if p.Layout, err = layout(m.GetLayout()); err != nil {
		return p, err
	}
	p.Init.Dist, err = distribution(m.GetDistribution())
	return p, err
}

func layout(l methodv1.Layout) (nn.Layout, error) {
	switch l {
	case methodv1.Layout_LAYOUT_PLAIN:
		return nn.Vector, nil
	case methodv1.Layout_LAYOUT_LINEAR:
		return nn.Linear2, nil
	case methodv1.Layout_LAYOUT_CONVOLUTION:
		return nn.Conv4, nil
	}
	return 0, fmt.Errorf("unknown layout %v", l)
}

func distribution(d methodv1.Distribution) (nn.Dist, error) {
	switch d {
	case methodv1.Distribution_DISTRIBUTION_CONSTANT:
		return nn.Constant, nil
	case methodv1.Distribution_DISTRIBUTION_UNIFORM:
		return nn.Uniform, nil
	case methodv1.Distribution_DISTRIBUTION_NORMAL:
		return nn.Normal, nil
	}
	return 0, fmt.Errorf("unknown distribution %v", d)
}
