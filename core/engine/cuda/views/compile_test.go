package views_test

import (
	"testing"

	"github.com/sslctl/sslctl/core/engine/cuda/views"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc/nvidia"
)

// TestNVRTC compiles the kernels with NVIDIA's compiler where it is found.
func TestNVRTC(t *testing.T) {
	compiler := nvidia.Compiler(t)
	for _, arch := range nvidia.Architectures() {
		if _, log, err := compiler.Compile(views.Source, arch); err != nil || log != "" {
			t.Errorf("sm_%d: %v %s", arch, err, log)
		}
	}
}
