package toproto

import (
	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// Images writes what a backbone is traced for.
func Images(im backbone.Images) *methodv1.ImageShape {
	return &methodv1.ImageShape{Size: int64(im.Size), Channels: int64(im.Channels)}
}

// Network writes a backbone's answer.
func Network(n *backbone.Network) *methodv1.Network {
	out := &methodv1.Network{Images: Images(n.Images), Two: Program(n.Two), Three: Program(n.Three)}
	for _, p := range n.Params {
		out.Parameters = append(out.Parameters, &methodv1.Parameter{
			Name: p.Name, Layout: layout(p.Layout), Positions: int64(p.Positions),
			Distribution: distribution(p.Init.Dist), Scale: p.Init.Scale,
		})
	}
	return out
}

// layout and distribution give what they do not know as unspecified, which the reader refuses.
func layout(l nn.Layout) methodv1.Layout {
	switch l {
	case nn.Vector:
		return methodv1.Layout_LAYOUT_PLAIN
	case nn.Linear2:
		return methodv1.Layout_LAYOUT_LINEAR
	case nn.Conv4:
		return methodv1.Layout_LAYOUT_CONVOLUTION
	}
	return methodv1.Layout_LAYOUT_UNSPECIFIED
}

func distribution(d nn.Dist) methodv1.Distribution {
	switch d {
	case nn.Constant:
		return methodv1.Distribution_DISTRIBUTION_CONSTANT
	case nn.Uniform:
		return methodv1.Distribution_DISTRIBUTION_UNIFORM
	case nn.Normal:
		return methodv1.Distribution_DISTRIBUTION_NORMAL
	}
	return methodv1.Distribution_DISTRIBUTION_UNSPECIFIED
}
