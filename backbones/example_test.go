package backbones_test

import (
	"fmt"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

func Example() {
	net, err := backbones.New("resnet-tiny", backbones.Options{Widths: []int{16, 32, 64}})
	if err != nil {
		fmt.Println(err)
		return
	}
	b := expr.New()
	store := nn.NewStore(b)
	y := net.Forward(store.Eval().In("backbone"), b.Input("pixels", 100, 28, 28, 1))
	fmt.Println(y.Shape(), net.Features(), store.Params()[0].Name)
	// Output:
	// (100, 256) 256 backbone.conv1.weight
}
