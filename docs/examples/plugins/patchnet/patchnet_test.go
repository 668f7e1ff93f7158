package main

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/sdktest"
)

func TestConformance(t *testing.T) { sdktest.RunBackbone(t, PatchNet{}) }

// golden is testdata/patchnet.json (golden.py).
type golden struct {
	Size, Channels     int
	Images, Weights, Y []float32
	Set                struct {
		Channels      []int
		Blocks, Patch int
	}
	Params map[string]struct{ Value, Grad []float32 }
}

// TestPyTorch holds names, representations and the gradient of every parameter to torch's own modules.
func TestPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/patchnet.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	given := map[string]any{"channels": g.Set.Channels, "blocks": g.Set.Blocks, "patch": g.Set.Patch}
	net, err := backbone.Trace(PatchNet{}, given, backbone.Images{Size: g.Size, Channels: g.Channels})
	if err != nil {
		t.Fatal(err)
	}
	b := expr.New()
	store := nn.NewStore(b)
	n := len(g.Images) / (g.Size * g.Size * g.Channels)
	y := net.Forward(store.Train(1), b.Input("images", n, g.Size, g.Size, g.Channels))
	loss := y.Mul(b.Input("weights", n, net.Features())).Sum()
	values := map[string][]float32{"images": g.Images, "weights": g.Weights}
	var params []expr.Tensor
	for _, p := range store.Params() {
		values[p.Name] = g.Params[p.Name].Value
		if len(values[p.Name]) != p.Shape.TotalSize() {
			t.Fatalf("%s has %v, PyTorch %d numbers", p.Name, p.Shape, len(values[p.Name]))
		}
		params = append(params, p.Tensor)
	}
	if len(params) != len(g.Params) {
		t.Errorf("%d parameters, PyTorch has %d", len(params), len(g.Params))
	}
	grads, err := b.Grad(loss, params...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := exprtest.Eval(values, append(grads, y)...)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range store.Params() {
		near(t, "the gradient of "+p.Name, got[i], g.Params[p.Name].Grad)
	}
	near(t, "y", got[len(grads)], g.Y)
}

// near holds numbers to 1e-4 of the largest.
func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i := range want {
		if !(math.Abs(float64(got[i]-want[i])) <= 1e-4*largest) {
			t.Errorf("%s: element %d is %g, PyTorch's %g", what, i, got[i], want[i])
			return
		}
	}
}
