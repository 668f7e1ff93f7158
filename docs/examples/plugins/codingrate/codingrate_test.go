package main

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/sdktest"
)

// TestMethod checks shapes, gradients against finite differences, determinism and more, custom op and all.
func TestMethod(t *testing.T) { sdktest.Run(t, CodingRate{}) }

// TestRateIsPyTorchs compares values and gradients with testdata/golden.json, which golden.py wrote.
func TestRateIsPyTorchs(t *testing.T) {
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Shape   expr.Shape
		Eps2    float64
		Z, Grad []float64
		Rate    float64
	}
	if err := json.Unmarshal(text, &cases); err != nil || len(cases) != 3 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, c := range cases {
		z := expr.Array{Shape: c.Shape, Data: make([]float32, len(c.Z))}
		for i, v := range c.Z {
			z.Data[i] = float32(v)
		}
		in, scalar := []expr.Array{z}, []expr.Array{{Data: make([]float32, 1)}}
		op := Rate{c.Eps2}
		if err := op.Forward(in, scalar); err != nil {
			t.Fatal(err)
		}
		near(t, float64(scalar[0].Data[0]), c.Rate)
		grad := []expr.Array{{Shape: c.Shape, Data: make([]float32, len(c.Z))}}
		scalar[0].Data[0] = 1
		if err := op.Backward(in, scalar, scalar, grad); err != nil {
			t.Fatal(err)
		}
		for i, v := range grad[0].Data {
			near(t, float64(v), c.Grad[i])
		}
	}
}

func near(t *testing.T, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-6*max(1, math.Abs(want)) {
		t.Errorf("%v, PyTorch has %v", got, want)
	}
}

func TestNotANumberShows(t *testing.T) {
	z := expr.Array{Shape: expr.Shape{2, 2}, Data: []float32{1, float32(math.NaN()), 0, 1}}
	out := []expr.Array{{Data: make([]float32, 1)}}
	if err := (Rate{0.2}).Forward([]expr.Array{z}, out); err != nil || !math.IsNaN(float64(out[0].Data[0])) {
		t.Errorf("%v, %v", out[0].Data[0], err)
	}
}
