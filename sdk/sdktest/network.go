package sdktest

import (
	"fmt"
	"math"

	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// imagesName is the input of a network's graph.
const imagesName = "images"

// applied is a network on some images as a graph.
type applied struct {
	net     *backbone.Network
	builder *expr.Builder
	images  expr.Tensor
	y       expr.Tensor
	store   *nn.Store
}

// training applies a network with batch norm's statistics of each view; evaluation with running ones.
func training(n *backbone.Network, images, views int) (*applied, error) {
	return apply(n, images, func(s *nn.Store) nn.Scope { return s.Train(views) })
}

func evaluation(n *backbone.Network, images int) (*applied, error) {
	return apply(n, images, (*nn.Store).Eval)
}

func apply(n *backbone.Network, images int, scope func(*nn.Store) nn.Scope) (*applied, error) {
	b := expr.New()
	a := &applied{net: n, builder: b, store: nn.NewStore(b)}
	a.images = b.Input(imagesName, images, n.Images.Size, n.Images.Size, n.Images.Channels)
	a.y = n.Forward(scope(a.store).In("backbone"), a.images)
	return a, b.Err()
}

// values are initial values of parameters and running statistics, each moved a little, so that none stands at a zero that
// hides what is behind it, and standard normal images.
func (a *applied) values() map[string][]float32 {
	out := map[string][]float32{}
	for _, p := range a.store.Params() {
		out[p.Name] = moved(p.Name, p.Init, p.Shape, 0.1)
	}
	for _, u := range a.store.Buffers() {
		if u.Tensor.Node() != nil {
			out[u.Name] = moved(u.Name, u.Init, u.Shape, 0.1)
		}
	}
	out[imagesName] = moved(imagesName, nn.Init{Dist: nn.Normal, Scale: 1}, a.images.Shape(), 0)
	return out
}

func moved(name string, i nn.Init, s expr.Shape, by float64) []float32 {
	v, noise := make([]float32, s.TotalSize()), make([]float32, s.TotalSize())
	i.Draw(v, seed, name)
	nn.Init{Dist: nn.Normal, Scale: by}.Draw(noise, seed, name+" moved")
	for j := range v {
		v[j] += noise[j]
		if i.Dist == nn.Constant && i.Scale == 1 { // a variance must stay positive, and a scale shall
			v[j] = max(v[j], 0.2)
		}
	}
	return v
}

// representations computes y.
func (a *applied) representations(at map[string][]float32) ([]float32, error) {
	v, err := exprtest.Eval(at, a.y)
	if err != nil {
		return nil, err
	}
	return v[0], nil
}

// row is the representation of an image.
func (a *applied) row(y []float32, image int) []float32 {
	d := a.net.Features()
	return y[image*d : (image+1)*d]
}

// image is the pixels of an image.
func (a *applied) image(at map[string][]float32, image int) []float32 {
	pixels := at[imagesName]
	n := len(pixels) / a.images.Dim(0)
	return pixels[image*n : (image+1)*n]
}

// apart says where two representations differ by more than a share of the largest number.
func apart(a, b []float32, share float64) error {
	largest := 0.0
	for _, v := range a {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i := range a {
		if d := math.Abs(float64(a[i]) - float64(b[i])); !(d <= share*largest) {
			return fmt.Errorf("feature %d is %.6g and %.6g", i, a[i], b[i])
		}
	}
	return nil
}
