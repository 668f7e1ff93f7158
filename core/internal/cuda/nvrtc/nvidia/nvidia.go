// Package nvidia gives tests NVIDIA's own compiler, so that kernels which g++ accepts for the fake are held to the real one too.
// It needs no GPU.
package nvidia

import (
	"errors"
	"os"
	"testing"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc"
)

// Architectures are those for which kernels are compiled in tests: A100 and H100.
func Architectures() []int { return []int{80, 90} }

// Compiler opens NVRTC where SSLCTL_NVRTC says, which `make test` sets, and else where every run looks. Where it is not there the
// test is skipped; `make test` prints that on a line of its own.
func Compiler(t testing.TB) *nvrtc.Compiler {
	t.Helper()
	search := dl.Default()
	if folder := os.Getenv("SSLCTL_NVRTC"); folder != "" {
		search = append(dl.In(folder), search...)
	}
	c, err := nvrtc.Open(search, nvrtc.Newest)
	if missing := (*dl.MissingLibrary)(nil); errors.As(err, &missing) {
		t.Skipf("CUDA IS NOT TESTED with NVIDIA's compiler: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}
