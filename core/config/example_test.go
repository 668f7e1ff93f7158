package config_test

import (
	"fmt"

	"github.com/sslctl/sslctl/core/config"
)

func ExampleResolve() {
	layers := config.Layers{
		Env:   []string{"SSLCTL_OPTIMIZER__LR=0.1"},
		Flags: map[string]any{"method": "vicreg", "data.name": "fashion-mnist"},
		Set:   []string{"lambda=10"},
	}
	peek, err := config.Peek(layers) // the method's name, by which the caller finds its plugin
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("method:", peek.Method)
	layers.Params = map[string]any{"lambda": 25.0, "mu": 25.0, "nu": 1.0} // from its description
	resolved, err := config.Resolve(layers)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range resolved.Explain() {
		if e.Origin.Layer != config.LayerDefault {
			fmt.Printf("%s = %s (%s)\n", e.Key, e.Value, e.Origin)
		}
	}
	// Output:
	// method: vicreg
	// method = vicreg (flag)
	// params.lambda = 10 (--set lambda=10)
	// params.mu = 25 (method)
	// params.nu = 1 (method)
	// data.name = fashion-mnist (flag)
	// optimizer.lr = 0.1 (SSLCTL_OPTIMIZER__LR)
}
