//go:build unix

package host_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sslctl/sslctl/plugins"
)

// chaos is how often each misbehaviour of a plugin is repeated; `make chaos` says 100.
var chaos = flag.Int("chaos", 1, "repetitions of each misbehaviour of a plugin")

// TestMain lets this binary play three parts: the shipped plugins, by the variable that sslctl uses; a foreign plugin, by
// the name of the link through which it is started; and the tests, which check that no goroutine is left.
func TestMain(m *testing.M) {
	if plugins.ServeRequested() {
		return
	}
	if name, foreign := strings.CutPrefix(filepath.Base(os.Args[0]), "sslctl-method-"); foreign {
		foreignPlugin(name)
		return
	}
	if name, foreign := strings.CutPrefix(filepath.Base(os.Args[0]), "sslctl-backbone-"); foreign {
		foreignBackbone(name)
		return
	}
	if dir := os.Getenv(doomedHostKey); dir != "" {
		doomedHost(dir)
		return
	}
	goleak.VerifyTestMain(m)
}
