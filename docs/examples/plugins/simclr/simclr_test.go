package main

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/sdktest"
)

func TestConformance(t *testing.T) { sdktest.Run(t, SimCLR{}) }

// TestPyTorch holds loss and gradients to testdata/ntxent.json (golden.py).
func TestPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/ntxent.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Batch, Width         int
		Temperature          float64
		Z0, Z1, Grad0, Grad1 []float32
		Loss                 float32
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	traced, err := method.Trace(SimCLR{}, map[string]any{"temperature": golden.Temperature}, method.Shapes{Batch: golden.Batch, Views: 2, Embedding: golden.Width})
	if err != nil {
		t.Fatal(err)
	}
	b := expr.New()
	z := map[string]expr.Tensor{"z0": b.Input("z0", golden.Batch, golden.Width), "z1": b.Input("z1", golden.Batch, golden.Width)}
	out, err := traced.Program.Build(b, z)
	if err != nil {
		t.Fatal(err)
	}
	grads, err := b.Grad(out["loss"], z["z0"], z["z1"])
	if err != nil {
		t.Fatal(err)
	}
	got, err := exprtest.Eval(map[string][]float32{"z0": golden.Z0, "z1": golden.Z1}, out["loss"], grads[0], grads[1])
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float32{{golden.Loss}, golden.Grad0, golden.Grad1} {
		for j := range want {
			if math.Abs(float64(got[i][j]-want[j])) > 1e-6*(1+math.Abs(float64(want[j]))) {
				t.Errorf("output %d, element %d: %g, PyTorch %g", i, j, got[i][j], want[j])
			}
		}
	}
}
