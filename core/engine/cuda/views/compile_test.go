package views_test

import (
	"errors"
	"testing"

	"github.com/sslctl/sslctl/core/engine/cuda/views"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc"
)

// TestNVRTC compiles the kernels with NVIDIA's compiler where it is found.
func TestNVRTC(t *testing.T) {
	compiler, err := nvrtc.Open(dl.Default(), nvrtc.Newest)
	if missing := (*dl.MissingLibrary)(nil); errors.As(err, &missing) {
		t.Skipf("CUDA KERNELS OF VIEWS ARE NOT COMPILED for a GPU: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range []int{80, 90} {
		if _, log, err := compiler.Compile(views.Source, arch); err != nil || log != "" {
			t.Errorf("sm_%d: %v %s", arch, err, log)
		}
	}
}
