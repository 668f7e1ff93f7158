// Package method is what the author of a method sees: a [Method] says what it is (its hyper-parameters, views,
// heads and branches) and writes its objective as a tensor expression over the embeddings. It never touches a
// pixel or a device: the host joins the objective to a backbone, differentiates and compiles the whole.
//
// Most authors need three things: implement [Method], serve it with plugin.Serve, test it with sdktest.Run.
// A [Regulariser] is the same for a penalty that joins any method.
package method

import "github.com/sslctl/sslctl/sdk/expr"

// Method is a joint-embedding method. The host calls Describe once, then Recipe and Objective once per run,
// with hyper-parameters that it has already checked against the description.
type Method interface {
	// Describe says what the method is; it must return the same value at every call.
	Describe() Description
	// Recipe says which heads and branches the host builds for these hyper-parameters.
	Recipe(h Values) Recipe
	// Objective writes the loss over the embeddings that the recipe's branches produce.
	// Errors of shape stick to the expression's builder and surface once, with the line that made them.
	Objective(e Embeddings, h Values) Loss
}

// Regulariser is a penalty that can be added to any method (`--add-reg NAME`).
type Regulariser interface {
	// Describe says what the regulariser is. The host adds weight, space and place (`reg.on`) itself.
	Describe() Description
	// Penalty is the unweighted penalty over the embeddings of the views, each [n, d]. unit reports
	// whether the rows were l2-normalised first, where the std of a spread embedding is 1/sqrt(d).
	Penalty(z []expr.Tensor, unit bool, h Values) expr.Tensor
}

// Description is what `sslctl method describe` prints and what configuration is checked against.
type Description struct {
	Name    string   // lower-case, as on the command line: "vicreg"
	Title   string   // "VICReg: variance, invariance, covariance"
	Version string   // of the implementation, semantic
	Formula string   // the objective in Unicode mathematics, a line a term
	Sources []string // paper and official code
	Params  []Param
	Presets []Preset // the first is the default
}

// Preset is a named set of published or tuned settings, as configuration keys ("optimizer.lr") with their values.
// Hyper-parameters of the method itself stand under their own names.
type Preset struct {
	Name     string
	Source   string // where the figures come from
	Settings map[string]any
	Views    []View // one for each view, in order
}

// View is the augmentation of one view, in the order in which the field applies it: random resized crop, flip,
// colour jitter, grayscale, blur, solarise. A probability of 0 leaves a step out.
type View struct {
	CropMin, CropMax           float64 // area of the crop as a share of the image
	RatioMin, RatioMax         float64 // aspect ratio of the crop
	Flip                       float64 // probability of a horizontal flip
	Jitter                     float64 // probability of colour jitter
	Brightness, Contrast       float64 // strength: a factor is drawn from [1-s, 1+s]
	Saturation, Hue            float64 // hue is a shift drawn from [-s, s] turns
	Gray                       float64 // probability of grayscale
	Blur                       float64 // probability of Gaussian blur
	BlurSigmaMin, BlurSigmaMax float64 // pixels
	Solarize                   float64 // probability of inverting values of 128 and above
}

// Recipe is the network that a method trains around the backbone.
type Recipe struct {
	Projector Head    // projector or expander: representation y -> embedding z
	Predictor *Head   // prediction p from z; nil for none
	Target    *Target // target branch; nil for none
	Unshared  bool    // each view has a backbone and a projector of its own
}

// Head is a multilayer perceptron.
type Head []Layer

// Layer is a linear map, then optionally batch norm and ReLU.
type Layer struct {
	Width int
	Bias  bool
	Norm  Norm
	ReLU  bool
}

// Norm says whether batch norm follows a linear layer.
type Norm int

const (
	NoNorm      Norm = iota
	Affine           // batch norm with scale and shift
	Standardise      // batch norm without them
)

// Target is a slowly moving copy of backbone and projector: after each optimiser step k of K,
// target <- m*target + (1-m)*online. It runs in training mode and receives no gradient.
type Target struct {
	Momentum float64 // m at the start
	Final    float64 // m at the end
	Schedule string  // "cosine": 1-(1-m)(cos(pi k/K)+1)/2 towards Final; "constant"
}

// Embeddings gives an objective its inputs, each [n, d] with one row for each image of the batch.
type Embeddings struct {
	b          *expr.Builder
	z, p, t, y []expr.Tensor
}

// Views is the number of views.
func (e Embeddings) Views() int { return len(e.z) }

// Z is the embedding of a view: the projector's output.
func (e Embeddings) Z(view int) expr.Tensor { return e.pick("z", e.z, view) }

// P is the prediction of a view: the predictor's output.
func (e Embeddings) P(view int) expr.Tensor { return e.pick("p", e.p, view) }

// T is the target embedding of a view: the target branch's projector output, without gradient.
func (e Embeddings) T(view int) expr.Tensor { return e.pick("t", e.t, view) }

// Y is the representation of a view: the backbone's output.
func (e Embeddings) Y(view int) expr.Tensor { return e.pick("y", e.y, view) }
