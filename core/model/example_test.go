package model_test

import (
	"fmt"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/methods/reg"
	"github.com/sslctl/sslctl/methods/simsiam"
	"github.com/sslctl/sslctl/sdk/method"
)

// SimSiam with VICReg's covariance, as `sslctl run --method simsiam --add-reg cov=0.01` builds it.
func ExampleBuild() {
	shapes := method.Shapes{Batch: 32, Views: 2}
	traced, err := method.Trace(simsiam.Method{}, map[string]any{"projector": "64-64", "predictor_hidden": 16}, shapes)
	if err != nil {
		fmt.Println(err)
		return
	}
	shapes.Embedding = 64
	cov, err := method.TraceRegulariser(reg.Cov{}, nil, shapes, false)
	if err != nil {
		fmt.Println(err)
		return
	}
	backbone, err := backbones.New("resnet-tiny", backbones.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := model.Build(model.Spec{
		Backbone: backbone, Method: traced, Batch: 32, Views: 2, Channels: 1, Size: 28,
		Regularisers: []model.Regulariser{{Name: "cov", Term: "covariance", Weight: 0.01, Program: cov, On: "z"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("pixels", m.Pixels.Shape(), "embeddings", m.Z[0].Shape())
	for _, term := range m.Terms {
		fmt.Println(term.Weight, term.Name)
	}
	fmt.Println(len(m.Params), "parameters, the last", m.Params[len(m.Params)-1].Name)
	// Output:
	// pixels (64, 28, 28, 1) embeddings (32, 64)
	// 1 similarity
	// 0.01 covariance
	// 36 parameters, the last predictor.3.bias
}
