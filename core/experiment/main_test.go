//go:build unix

package experiment_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// chaos is how often each misbehaviour of a plugin is repeated; `make chaos` says 100.
var chaos = flag.Int("chaos", 1, "repetitions of each misbehaviour of a plugin")

// TestMain lets this binary play four parts: a plugin, by the name of the link through which it is started; a training that
// is killed, or whose disk is full, by a variable; and the tests, which check that no goroutine is left.
func TestMain(m *testing.M) {
	base := filepath.Base(os.Args[0])
	if name, ok := strings.CutPrefix(base, "sslctl-method-"); ok {
		serveMethod(name)
		return
	}
	if name, ok := strings.CutPrefix(base, "sslctl-regulariser-"); ok {
		serveRegulariser(name)
		return
	}
	if part := os.Getenv(partKey); part != "" {
		os.Exit(play(part))
	}
	goleak.VerifyTestMain(m)
}
