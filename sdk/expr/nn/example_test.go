package nn_test

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

func Example() {
	b := expr.New()
	store := nn.NewStore(b)
	images := b.Input("images", 8, 28, 28, 1) // two views of four images
	s := store.Train(2)
	x := nn.Conv2D(s.In("conv1"), images, 16, 3, 2, 1)
	x = nn.BatchNorm(s.In("bn1"), x, true).ReLU()
	z := nn.MLP(s.In("projector"), nn.Flatten(x.AvgPool(1, 1)), []nn.Layer{{Width: 32, Bias: true, ReLU: true}, {Width: 10}})

	fmt.Println(z.Shape(), b.Err())
	for _, p := range store.Params() {
		fmt.Println(p.Name, p.Shape)
	}
	for _, u := range store.Buffers() {
		fmt.Println(u.Name, u.Shape)
	}
	// Output:
	// (8, 10) <nil>
	// conv1.weight (3, 3, 1, 16)
	// bn1.weight (16)
	// bn1.bias (16)
	// projector.0.weight (32, 16)
	// projector.0.bias (32)
	// projector.2.weight (10, 32)
	// bn1.running_mean (16)
	// bn1.running_var (16)
}
