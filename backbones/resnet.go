package backbones

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// Stem is the first layer of a ResNet.
type Stem string

// The stems.
const (
	AutoStem     Stem = ""         // cifar for images of up to 64 pixels, else imagenet
	CIFARStem    Stem = "cifar"    // 3x3, stride 1, no max-pool
	StridedStem  Stem = "strided"  // 3x3, stride 2, no max-pool
	ImageNetStem Stem = "imagenet" // 7x7, stride 2, then max-pool 3x3, stride 2
)

// maxCIFAR is the largest image for which AutoStem takes the cifar stem.
const maxCIFAR = 64

// ResNet is a residual network (He et al. 2016) in torchvision's form: batch norm after each convolution, 1x1 convolutions
// on shortcuts that change shape, the stride of a bottleneck in its 3x3 convolution.
type ResNet struct {
	Stem       Stem
	Widths     []int // channels of each stage, before a bottleneck's expansion by 4
	Blocks     []int // blocks in each stage
	Strides    []int // of each stage's first block
	Bottleneck bool
	// ZeroInit starts the last scale of each residual branch at 0 (torchvision's zero_init_residual), as the official code
	// of VICReg, Barlow Twins, SimSiam and BYOL does for ResNet-50.
	ZeroInit bool
	Pool     int // edge of the grid that features are averaged to before they are flattened; 1 for the usual global mean
}

// expansion is the ratio of a bottleneck's output to its inner width.
const expansion = 4

func tiny() ResNet {
	return ResNet{Stem: StridedStem, Widths: []int{32, 64, 128}, Blocks: []int{1, 1, 1}, Strides: []int{1, 2, 2}, Pool: 2}
}

func resnet(blocks ...int) ResNet {
	return ResNet{Widths: []int{64, 128, 256, 512}, Blocks: blocks, Strides: []int{1, 2, 2, 2}, Pool: 1}
}

func resnet50() ResNet {
	r := resnet(3, 4, 6, 3)
	r.Bottleneck, r.ZeroInit = true, true
	return r
}

func (r ResNet) with(o Options) (ResNet, error) {
	if len(o.Widths) > 0 {
		if len(o.Widths) != len(r.Widths) {
			return r, fmt.Errorf("%d widths for %d stages", len(o.Widths), len(r.Widths))
		}
		r.Widths = o.Widths
	}
	for _, w := range r.Widths {
		if w < 1 {
			return r, fmt.Errorf("widths %v: each must be at least 1", r.Widths)
		}
	}
	if o.Pool < 0 {
		return r, fmt.Errorf("pool %d is negative", o.Pool)
	}
	if o.Pool > 0 {
		r.Pool = o.Pool
	}
	switch o.Stem {
	case AutoStem:
	case CIFARStem, StridedStem, ImageNetStem:
		r.Stem = o.Stem
	default:
		return r, fmt.Errorf("unknown stem %q; there are %s, %s and %s", o.Stem, CIFARStem, StridedStem, ImageNetStem)
	}
	return r, nil
}

// Features is the width of the last stage, expanded and times the cells of the grid.
func (r ResNet) Features() int {
	f := r.Widths[len(r.Widths)-1] * r.Pool * r.Pool
	if r.Bottleneck {
		f *= expansion
	}
	return f
}

// Forward applies stem, stages and pooling, and flattens the grid as [h, w, c].
func (r ResNet) Forward(s nn.Scope, images expr.Tensor) expr.Tensor {
	x := r.stem(s, images)
	for stage, width := range r.Widths {
		in := s.In(fmt.Sprintf("layer%d", stage+1))
		for block := range r.Blocks[stage] {
			stride := 1
			if block == 0 {
				stride = r.Strides[stage]
			}
			x = r.block(in.In(fmt.Sprint(block)), x, width, stride)
		}
	}
	return nn.Flatten(x.AvgPool(r.Pool, r.Pool))
}

func (r ResNet) stem(s nn.Scope, images expr.Tensor) expr.Tensor {
	kind := r.Stem
	if kind == AutoStem {
		kind = ImageNetStem
		if images.Dim(1) <= maxCIFAR {
			kind = CIFARStem
		}
	}
	kernel, stride := 3, 1
	switch kind {
	case StridedStem:
		stride = 2
	case ImageNetStem:
		kernel, stride = 7, 2
	}
	x := nn.Conv2D(s.In("conv1"), images, r.Widths[0], kernel, stride, kernel/2)
	x = nn.BatchNorm(s.In("bn1"), x, true).ReLU()
	if kind == ImageNetStem {
		x = x.MaxPool(3, 2, 1)
	}
	return x
}

func (r ResNet) block(s nn.Scope, x expr.Tensor, width, stride int) expr.Tensor {
	if r.Bottleneck {
		return r.bottleneck(s, x, width, stride)
	}
	y := nn.Conv2D(s.In("conv1"), x, width, 3, stride, 1)
	y = nn.BatchNorm(s.In("bn1"), y, true).ReLU()
	y = nn.Conv2D(s.In("conv2"), y, width, 3, 1, 1)
	y = r.lastNorm(s.In("bn2"), y)
	return y.Add(shortcut(s, x, width, stride)).ReLU()
}

func (r ResNet) bottleneck(s nn.Scope, x expr.Tensor, width, stride int) expr.Tensor {
	y := nn.Conv2D(s.In("conv1"), x, width, 1, 1, 0)
	y = nn.BatchNorm(s.In("bn1"), y, true).ReLU()
	y = nn.Conv2D(s.In("conv2"), y, width, 3, stride, 1)
	y = nn.BatchNorm(s.In("bn2"), y, true).ReLU()
	y = nn.Conv2D(s.In("conv3"), y, expansion*width, 1, 1, 0)
	y = r.lastNorm(s.In("bn3"), y)
	return y.Add(shortcut(s, x, expansion*width, stride)).ReLU()
}

func (r ResNet) lastNorm(s nn.Scope, x expr.Tensor) expr.Tensor {
	if r.ZeroInit {
		return nn.ZeroBatchNorm(s, x)
	}
	return nn.BatchNorm(s, x, true)
}

// shortcut is x itself where it fits the branch, else a 1x1 convolution with batch norm.
func shortcut(s nn.Scope, x expr.Tensor, out, stride int) expr.Tensor {
	if stride == 1 && x.Dim(3) == out {
		return x
	}
	x = nn.Conv2D(s.In("downsample.0"), x, out, 1, stride, 0)
	return nn.BatchNorm(s.In("downsample.1"), x, true)
}
