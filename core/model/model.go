// Package model joins a backbone, a method's heads and branches, its objective and regularisers into one graph: pixels in,
// loss and the gradient of every trained parameter out.
//
// Most callers need [Build] for the training step, [BuildEval] for representations, and [Model.Init] for initial values.
// All views go through the network in one pass, stacked on the batch axis, view by view; batch norm takes its statistics
// for each view by itself, so the numbers are those of one pass a view. Names are PyTorch's: "backbone.conv1.weight",
// "projector.0.weight", "target.backbone.bn1.running_mean". Conversion to PyTorch's memory layout is in layout.go.
package model

import (
	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
)

// Spec says what to build.
type Spec struct {
	Backbone     backbones.Backbone
	Method       *method.Traced // recipe and objective, traced for Batch and Views
	Regularisers []Regulariser  // added to the objective, in order
	Batch        int            // images in a step
	Views        int
	Channels     int // of an image
	Size         int // edge of an image in pixels
}

// Regulariser is a penalty that joins the objective.
type Regulariser struct {
	Name    string        // "var"; names errors, and the term where Term is empty
	Term    string        // name of the term in tables: "variance"
	Weight  float64       // factor in the loss
	Program *expr.Program // traced; inputs z0, z1, ...; output penalty
	On      string        // what it is applied to: "z", "p" or "y"
	Unit    bool          // l2-normalise the rows first
}

// Model is the graph of one training step.
type Model struct {
	Builder *expr.Builder
	Pixels  expr.Tensor // input [views*batch, size, size, channels], view by view
	Params  []Param     // in the order of the network; those of the target branch last
	Buffers []nn.Buffer // batch norm's running statistics
	Pairs   []Pair      // target parameters with what they follow
	Loss    expr.Tensor // scalar, what is minimised
	Terms   []Term      // of the objective, then of the regularisers
	Z, P, T []expr.Tensor
	Y       []expr.Tensor // embeddings of each view, [batch, d]; P and T only where the recipe has them
}

// Param is a parameter and its gradient.
type Param struct {
	nn.Param
	Grad expr.Tensor // zero Tensor where Frozen
}

// Pair is a target parameter and the online parameter that it follows by moving average.
type Pair struct{ Target, Online string }

// Term is one term of the loss: an unweighted scalar and its weight.
type Term struct {
	Name   string
	Weight float64
	Value  expr.Tensor
}
