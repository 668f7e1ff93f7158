package cuda_test

import (
	"testing"

	"github.com/sslctl/sslctl/core/engine/cuda"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
)

// open takes the fake GPU.
func open(t *testing.T, f *fake.Fake) *cuda.Device {
	t.Helper()
	d, err := cuda.Open(f.Search(), 0, cuda.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// TestConform holds the device to the engine's contract.
func TestConform(t *testing.T) { enginetest.Conform(t, open(t, fake.Start(t))) }
