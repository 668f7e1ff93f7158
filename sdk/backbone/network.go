package backbone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// Network is a backbone written down for images of a kind: what a plugin answers and what a run folder keeps.
//
// It holds the same layers for two images and for three. Where a number of a step differs between the two, such as the first
// axis of a reshape, it grows by the difference with each image: so the network of any number of images is known ([Of]).
// A program's inputs are "images" and the parameters in their order; its outputs are the representations "y" and, for each
// batch norm, "stats.NAME", the bn_stats whose running statistics are NAME.running_mean and NAME.running_var.
type Network struct {
	Images     Images
	Params     []Param
	Two, Three *expr.Program
}

// Param is a parameter, whose shape is that of the program's input of its name.
type Param struct {
	Name      string // PyTorch's: "layer1.0.conv1.weight"
	Layout    nn.Layout
	Positions int // of a linear layer that reads flattened images: height times width; else 1
	Init      nn.Init
}

// The names in a network's programs.
const (
	imagesInput = "images"
	output      = "y"
	statsPrefix = "stats."
	meanSuffix  = ".running_mean"
	varSuffix   = ".running_var"
)

// Features is the width of a representation.
func (n *Network) Features() int { return n.y().Shape[1] }

// Parameters is the number of trained numbers.
func (n *Network) Parameters() int {
	total := 0
	for _, port := range n.Two.Inputs[1:] {
		total += port.Shape.TotalSize()
	}
	return total
}

// Forward applies the network to images [n, h, w, c] of its kind, with parameters of the scope, and gives representations
// [n, Features()]. Batch norm behaves as the scope says: by groups of the batch while training, by running statistics in
// evaluation.
func (n *Network) Forward(s nn.Scope, images expr.Tensor) expr.Tensor {
	b := images.Builder()
	if b.Err() != nil {
		return images
	}
	if want := (expr.Shape{images.Dim(0), n.Images.Size, n.Images.Size, n.Images.Channels}); !slices.Equal(images.Shape(), want) {
		return b.Fail(fmt.Errorf("the network is for images %v, not %v", want, images.Shape()))
	}
	p, err := n.Of(images.Dim(0))
	if err == nil {
		err = p.Validate() // bounds what it would take of memory
	}
	if err != nil {
		return b.Fail(fmt.Errorf("the network of %d images: %w", images.Dim(0), err))
	}
	values := []expr.Tensor{images}
	for i, port := range p.Inputs[1:] {
		q := n.Params[i]
		values = append(values, s.Request(nn.Param{Name: q.Name, Shape: port.Shape, Layout: q.Layout, Positions: q.Positions, Init: q.Init}))
	}
	norms := n.norms()
	for i, step := range p.Steps {
		operands := make([]expr.Tensor, len(step.In))
		for j, at := range step.In {
			operands[j] = values[at]
		}
		name, isNorm := norms[len(p.Inputs)+i]
		switch {
		case isNorm:
			values = append(values, nn.Statistics(within(s, name), operands[0]))
		case step.Kind == expr.BNApply:
			step.Attrs.Groups = s.Groups()
			fallthrough
		default:
			values = append(values, b.Apply(step.Kind, step.Attrs, operands...))
		}
	}
	return values[p.Outputs[0].Value]
}

// within is the scope of a batch norm, which may be the network's own.
func within(s nn.Scope, name string) nn.Scope {
	if name == "" {
		return s
	}
	return s.In(name)
}

// norms are the names of the batch norms, by the number of their statistics in the programs.
func (n *Network) norms() map[int]string {
	out := map[int]string{}
	for _, o := range n.Two.Outputs[1:] {
		out[o.Value] = strings.TrimPrefix(o.Name, statsPrefix)
	}
	return out
}

// y is the step that makes the representations.
func (n *Network) y() expr.Step {
	return n.Two.Steps[n.Two.Outputs[0].Value-len(n.Two.Inputs)]
}
