package optim_test

import (
	"fmt"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/optim"
)

func Example() {
	pool := kernel.NewPool(1)
	defer pool.Close()
	weight := optim.Param{Name: "projector.0.weight", Value: []float32{1, -1}, Grad: make([]float32, 2), Shape: []int{1, 2}}
	o, err := optim.New([]optim.Param{weight}, optim.SGD{Momentum: 0.9}, optim.Options{})
	if err != nil {
		panic(err)
	}
	schedule := optim.Schedule{LR: 0.5, Warmup: 1, Total: 3}
	for step := range schedule.Total {
		copy(weight.Grad, weight.Value) // of the loss w²/2
		o.Step(pool, schedule.At(step))
		fmt.Printf("rate %.2f, weight %.3f\n", schedule.At(step), weight.Value[0])
	}
	// Output:
	// rate 0.00, weight 1.000
	// rate 0.50, weight 0.050
	// rate 0.25, weight -0.390
}
