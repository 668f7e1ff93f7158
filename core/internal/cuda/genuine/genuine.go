// Package genuine gives tests NVIDIA's own libraries, so that bindings which work on the fakes are held to the real ones too, as
// far as that needs no GPU. Where a library is not on the machine the test is skipped and says so; `make test` prints that on a
// line of its own.
package genuine

import (
	"errors"
	"testing"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
)

// Open opens a library. The test is skipped where it is not there, and fails where it is there and does not open.
func Open[Library interface{ Path() string }](t testing.TB, open func() (Library, error)) Library {
	t.Helper()
	l, err := open()
	if missing := (*dl.MissingLibrary)(nil); errors.As(err, &missing) && len(missing.Broken) == 0 {
		t.Skipf("CUDA IS NOT TESTED with NVIDIA's own library: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("found at %s", l.Path())
	return l
}
