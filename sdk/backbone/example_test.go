package backbone_test

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
)

// Net is a backbone of one convolution.
type Net struct{}

func (Net) Describe() method.Description {
	return method.Description{Name: "net", Version: "1.0.0", Params: []method.Param{method.Int("width", 32, "channels").AtLeast(1)}}
}

func (Net) Forward(s nn.Scope, images expr.Tensor, h method.Values) expr.Tensor {
	x := nn.Conv2D(s.In("conv"), images, h.Int("width"), 3, 2, 1)
	x = nn.BatchNorm(s.In("bn"), x, true).ReLU()
	return nn.Flatten(x.AvgPool(1, 1))
}

// A network is data. It is applied to any number of images, in training and in evaluation, without its author.
func Example() {
	net, err := backbone.Trace(Net{}, map[string]any{"width": 16}, backbone.Images{Size: 28, Channels: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	b := expr.New()
	store := nn.NewStore(b)
	y := net.Forward(store.Train(2).In("backbone"), b.Input("pixels", 512, 28, 28, 1)) // two views of 256 images
	fmt.Println(y.Shape(), net.Features(), net.Parameters())
	for _, p := range store.Params() {
		fmt.Println(p.Name, p.Shape)
	}
	// Output:
	// (512, 16) 16 176
	// backbone.conv.weight (3, 3, 1, 16)
	// backbone.bn.weight (16)
	// backbone.bn.bias (16)
}
