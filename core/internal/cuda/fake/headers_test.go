package fake

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/sslctl/sslctl/core/internal/cuda/headers"
)

// TestHeaders: the fakes of the libraries define their functions as NVIDIA's headers declare them, types and values included.
func TestHeaders(t *testing.T) {
	for header, source := range map[string]string{"cudnn.h": "cudnn.cpp", "cublasLt.h": "cublaslt.cpp"} {
		t.Run(source, func(t *testing.T) {
			path, err := filepath.Abs(filepath.Join("src", source))
			if err != nil {
				t.Fatal(err)
			}
			headers.Check(t, header, fmt.Sprintf("#include %q\n", path))
		})
	}
}
