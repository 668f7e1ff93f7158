// Package main is a convolutional network without batch norm as a backbone plugin, after ConvNeXt (Liu et al., CVPR 2022):
// patches for a stem, layer norm, inverted bottlenecks with a learned scale on each residual branch. Its 3x3 convolutions
// are dense where ConvNeXt's 7x7 are depthwise, which the op set lacks, and its activation is the hard swish of MobileNetV3.
package main

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin"
)

func main() { plugin.ServeBackbone(PatchNet{}) }

// PatchNet is the backbone.
type PatchNet struct{}

var _ backbone.Backbone = PatchNet{}

// Describe says what the backbone is.
func (PatchNet) Describe() method.Description {
	return method.Description{
		Name: "patchnet", Title: "PatchNet: patches, layer norm and inverted bottlenecks", Version: "1.0.0",
		Formula: "x ← LN(Conv(patches));  block: x ← x + γ·W₂ hswish(W₁ LN(Conv3×3(x)));  y = LN(mean over positions)",
		Sources: []string{"Liu et al.: A ConvNet for the 2020s. CVPR 2022 (arXiv 2201.03545)", "Howard et al.: Searching for MobileNetV3. ICCV 2019 (arXiv 1905.02244), eq. 2"},
		Params: []method.Param{
			method.Ints("channels", []int{48, 96}, "channels of each stage, which begins at half the resolution of the one before"),
			method.Int("blocks", 1, "blocks in each stage").AtLeast(1).AtMost(16),
			method.Int("patch", 4, "edge of the stem's patches in pixels").AtLeast(1).AtMost(32),
			method.Float("scale", 0.1, "γ at the start").AtLeast(1e-6).AtMost(1),
		},
	}
}

// Forward makes representations [n, last of channels].
func (PatchNet) Forward(s nn.Scope, x expr.Tensor, h method.Values) expr.Tensor {
	for i, width := range h.Ints("channels") {
		stage := s.In(fmt.Sprint("stages.", i))
		if i == 0 {
			x = layerNorm(stage.In("norm"), nn.Conv2D(stage.In("down"), x, width, h.Int("patch"), h.Int("patch"), 0))
		} else {
			x = nn.Conv2D(stage.In("down"), layerNorm(stage.In("norm"), x), width, 2, 2, 0)
		}
		for j := range h.Int("blocks") {
			x = block(stage.In(fmt.Sprint("blocks.", j)), x, h.Float("scale"))
		}
	}
	return layerNorm(s.In("norm"), nn.Flatten(x.AvgPool(1, 1)))
}

// block is an inverted bottleneck, four times as wide inside, on a residual branch with a learned scale for each channel.
func block(s nn.Scope, x expr.Tensor, scale float64) expr.Tensor {
	width := x.Dim(3)
	u := layerNorm(s.In("norm"), nn.Conv2D(s.In("conv"), x, width, 3, 1, 1))
	rows := u.Reshape(u.Shape().TotalSize()/width, width)
	rows = nn.Linear(s.In("expand"), rows, 4*width, true)
	rows = nn.Linear(s.In("contract"), hardSwish(rows), width, true)
	gamma := s.Param("gamma", nn.Vector, nn.Init{Dist: nn.Constant, Scale: scale}, width)
	return x.Add(rows.Mul(gamma).Reshape(x.Shape()...))
}

// layerNormEps is torch.nn.LayerNorm's.
const layerNormEps = 1e-5

// layerNorm standardises the last axis, then scales and shifts each channel, as torch.nn.LayerNorm does.
func layerNorm(s nn.Scope, x expr.Tensor) expr.Tensor {
	last := len(x.Shape()) - 1
	width := x.Dim(last)
	centred := x.Sub(x.MeanKeep(last))
	x = centred.Div(centred.Square().MeanKeep(last).Shift(layerNormEps).Sqrt())
	return x.Mul(s.Param("weight", nn.Vector, nn.Init{Dist: nn.Constant, Scale: 1}, width)).
		Add(s.Param("bias", nn.Vector, nn.Init{Dist: nn.Constant, Scale: 0}, width))
}

// hardSwish is x·min(max(x + 3, 0), 6)/6.
func hardSwish(x expr.Tensor) expr.Tensor {
	v := x.Shift(3)
	return x.Mul(v.ReLU().Sub(v.Shift(-6).ReLU())).Scale(1.0 / 6)
}
