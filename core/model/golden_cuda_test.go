package model_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda"
	"github.com/sslctl/sslctl/core/internal/cuda/devicetest"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
)

// TestGoldenOnCUDA replays PyTorch's first steps on a GPU; without one, the first file's on the fake.
func TestGoldenOnCUDA(t *testing.T) {
	files, search := goldenFiles(t), dl.Default()
	if os.Getenv(devicetest.Variable) == "" {
		files, search = files[:1], fake.Start(t).Search()
	}
	d, err := cuda.Open(search, 0, cuda.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".safetensors"), func(t *testing.T) {
			g := readGolden(t, path)
			g.compare(t, g.run(t, d), 1e-4, max(1e-3, tolerance(path)))
		})
	}
}

// run computes a file's step on a device.
func (g golden) run(t *testing.T, d engine.Device) [][]float32 {
	t.Helper()
	outputs := g.outputs()
	p, err := engine.Compile(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := d.Load(p)
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	inputs := goldenInputs(t, g.model, g.tensors)
	for _, id := range p.Inputs() {
		name := p.Values[id].Input
		for _, in := range g.model.Builder.Inputs() {
			if in.Node().Name() == name {
				if err := exe.Hold(in, inputs[name]); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := exe.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	values := make([][]float32, len(outputs))
	for i, o := range outputs {
		values[i] = append([]float32(nil), exe.Read(o)...)
	}
	return values
}
