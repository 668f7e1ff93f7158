// Package backbone is what the author of a backbone sees: a [Backbone] says what it is and writes the network that makes
// representations of images, once, as a tensor expression. The shipped networks of backbones are written the same way.
//
// Most authors need three things: implement [Backbone] with the layers of sdk/expr/nn, serve it with plugin.ServeBackbone,
// test it with sdktest.RunBackbone. [Trace] writes a backbone down as a [Network], which is data: it serves any number of
// images, in training and in evaluation, and needs its author no more.
package backbone

import (
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
)

// Backbone makes representations of images. The host calls Describe, then Forward a few times before a run, with
// hyper-parameters that it has checked against the description.
type Backbone interface {
	// Describe says what the backbone is; it must return the same value at every call. It has no presets.
	Describe() method.Description
	// Forward takes images [n, h, w, c] and gives representations [n, d]. Parameters come from the scope, by PyTorch's
	// names: nn's layers ask for them, s.Param for one of your own. The same layers must be written for any n, and an
	// image's representation must not depend on the others but through nn.BatchNorm.
	// Errors of shape stick to the expression's builder and surface once, with the line that made them.
	Forward(s nn.Scope, images expr.Tensor, h method.Values) expr.Tensor
}

// Images says which images a network is for.
type Images struct {
	Size     int // edge in pixels
	Channels int // 1 for gray, 3 for colour
}

// The limits of a network that the host accepts.
const (
	MaxSize       = 4096    // edge of an image in pixels
	MaxChannels   = 64      // of an image
	MaxFeatures   = 1 << 20 // width of a representation
	MaxParameters = 1 << 28 // numbers in all parameters together: 1 GiB
)
