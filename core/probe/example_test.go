package probe_test

import (
	"context"
	"fmt"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/probe"
)

func Example() {
	pool := kernel.NewPool(1)
	defer pool.Close()
	train, labels := []float32{1, 0, 0.9, 0.2, 0, 1, 0.1, 0.8}, []int{0, 0, 1, 1}
	test, truth := []float32{0.8, 0.1, 0.2, 0.7}, []int{0, 1}
	linear, err := probe.Linear(context.Background(), pool, train, labels, test, truth, probe.LinearOptions{L2: 0.1})
	if err != nil {
		panic(err)
	}
	near, err := probe.KNN(context.Background(), pool, train, labels, test, truth, probe.KNNOptions{K: 2})
	if err != nil {
		panic(err)
	}
	fmt.Printf("linear %.0f %%, kNN %.0f %% of %d; 95 %% interval from %.0f %%\n", 100*linear.Top1, 100*near.Top1, near.N, 100*near.Low)
	// Output: linear 100 %, kNN 100 % of 2; 95 % interval from 34 %
}
