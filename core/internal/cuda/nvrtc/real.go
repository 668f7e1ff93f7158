package nvrtc

import (
	"os"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
)

// Real is where tests look for NVIDIA's compiler: in the folder that SSLCTL_NVRTC names, which `make test` fills, and then where
// every run does.
func Real() dl.Search {
	s := dl.Default()
	if folder := os.Getenv("SSLCTL_NVRTC"); folder != "" {
		s = append(dl.In(folder), s...)
	}
	return s
}
