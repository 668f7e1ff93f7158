package model_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/engine/cuda"
	"github.com/sslctl/sslctl/core/engine/enginetest"
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
			values := goldenInputs(t, g.model, g.tensors)
			var inputs [][]float32
			for _, in := range g.model.Builder.Inputs() {
				inputs = append(inputs, values[in.Node().Name()])
			}
			got := enginetest.Run(t, d, g.outputs(), g.model.Builder.Inputs(), inputs)
			g.compare(t, got, 1e-4, max(1e-3, tolerance(path)))
		})
	}
}
