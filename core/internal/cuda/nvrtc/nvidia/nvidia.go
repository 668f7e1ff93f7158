// Package nvidia gives tests NVIDIA's own compiler, so that kernels which g++ accepts for the fake are held to the real one too.
// It needs no GPU.
package nvidia

import (
	"os"
	"testing"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/genuine"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc"
)

// Architectures are those for which kernels are compiled in tests: T4, the oldest that CUDA 13 knows, A100 and H100.
func Architectures() []int { return []int{75, 80, 90} }

// Compiler opens NVRTC where SSLCTL_NVRTC says, which `make test` sets where it has fetched one, and else where every run looks.
func Compiler(t testing.TB) *nvrtc.Compiler {
	t.Helper()
	folder := os.Getenv("SSLCTL_NVRTC")
	if folder == "" {
		return genuine.Open(t, func() (*nvrtc.Compiler, error) { return nvrtc.Open(dl.Default(), nvrtc.Newest) })
	}
	c, err := nvrtc.Open(dl.In(folder), nvrtc.Newest)
	if err != nil {
		t.Fatalf("SSLCTL_NVRTC: %v", err)
	}
	return c
}
