// Package backbones holds the networks that make representations: ResNets and a multilayer perceptron, written as tensor
// expressions. Parameters bear torchvision's names.
//
// Most callers need [New] with a name of [List]; a network of other proportions is a [ResNet] or [MLP] literal.
package backbones

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// Backbone makes representations of images.
type Backbone interface {
	// Forward takes images [n, h, w, c] and gives representations [n, Features()].
	Forward(s nn.Scope, images expr.Tensor) expr.Tensor
	// Features is the width of a representation.
	Features() int
}

// Options change a named backbone. Zero values keep its own.
type Options struct {
	Widths []int // channels of each stage; widths of each layer of an MLP
	Pool   int   // edge of the grid that features are averaged to before they are flattened
	Stem   Stem  // of a ResNet
}

// Entry describes a named backbone.
type Entry struct {
	Name string
	Doc  string
	make func() Backbone
}

// List is every named backbone.
func List() []Entry {
	return []Entry{
		{"resnet-tiny", "a basic block in each of three stages of 32, 64 and 128 channels, features on a 2x2 grid; for images of about 28 pixels", func() Backbone { return tiny() }},
		{"resnet10", "ResNet of one basic block a stage", func() Backbone { return resnet(1, 1, 1, 1) }},
		{"resnet18", "ResNet-18 (He et al. 2016)", func() Backbone { return resnet(2, 2, 2, 2) }},
		{"resnet34", "ResNet-34", func() Backbone { return resnet(3, 4, 6, 3) }},
		{"resnet50", "ResNet-50 with torchvision's stride in the 3x3 convolution and zero-initialised residual branches", func() Backbone { return resnet50() }},
		{"mlp", "two layers of 512 units on flattened pixels, each with batch norm and ReLU", func() Backbone { return MLP{Widths: []int{512, 512}} }},
	}
}

// New makes the backbone of a name. An option that the backbone lacks, or an unknown name, is an error.
func New(name string, o Options) (Backbone, error) {
	entries := List()
	at := slices.IndexFunc(entries, func(e Entry) bool { return e.Name == name })
	if at < 0 {
		names := make([]string, len(entries))
		for i, e := range entries {
			names[i] = e.Name
		}
		return nil, fmt.Errorf("unknown backbone %q; there are %s", name, strings.Join(names, ", "))
	}
	var made Backbone
	var err error
	switch b := entries[at].make().(type) {
	case ResNet:
		made, err = b.with(o)
	case MLP:
		made, err = b.with(o)
	}
	if err != nil {
		return nil, fmt.Errorf("backbone %q: %w", name, err)
	}
	return made, nil
}
