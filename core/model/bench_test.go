package model_test

import (
	"testing"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/methods/byol"
	"github.com/sslctl/sslctl/sdk/method"
)

// BenchmarkBuild builds and differentiates BYOL on ResNet-50 at 224 pixels, the largest graph that a preset names.
func BenchmarkBuild(b *testing.B) {
	backbone, err := backbones.New("resnet50", backbones.Options{})
	if err != nil {
		b.Fatal(err)
	}
	traced, err := method.Trace(byol.Method{}, map[string]any{"projector": "4096-256", "predictor_hidden": 4096}, method.Shapes{Batch: 16, Views: 2})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		m, err := model.Build(model.Spec{Backbone: backbone, Method: traced, Batch: 16, Views: 2, Channels: 3, Size: 224})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(m.Builder.Graph().AllNodes())), "nodes")
	}
}
