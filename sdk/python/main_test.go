//go:build unix

package python_test

import (
	"fmt"
	"os"
	"testing"
)

// TestMain lets no run without a python look like one that tested something: go test sums such a run up as "no tests to run",
// which it takes from this warning. A skip would be an "ok" like any other.
func TestMain(m *testing.M) {
	if os.Getenv("SDK_PYTHON") == "" {
		fmt.Fprintln(os.Stderr, "python: NOT TESTED: SDK_PYTHON names no python with the SDK's dependencies; make python finds or makes one")
		fmt.Fprintln(os.Stderr, "testing: warning: no tests to run")
		return
	}
	os.Exit(m.Run())
}
