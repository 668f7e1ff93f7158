package experiment

import (
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
	"github.com/sslctl/sslctl/sdk/expr"
)

// TestNotes: what makes a GPU slower than it could be is told once: a library that does not start when the machine is opened, and
// what a library has no code for when it is closed.
func TestNotes(t *testing.T) {
	f := fake.Start(t)
	t.Setenv(dl.Variable, f.Search()[0].Folder+":only")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	core, logged := observer.New(zap.WarnLevel)
	o := Options{Log: zap.New(core)}
	f.Fail("cublasLtCreate", 1, 1)
	m, err := o.openMachine(config.Config{Device: "cuda", CPUISA: "auto", Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	b := expr.New()
	p, err := engine.Compile(b.Input("x", 1, 4, 4, 2).Conv2D(b.Input("w", 3, 3, 2, 2), 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	f.Fail("cudnnGetConvolutionForwardAlgorithm_v7", 1, 3000)
	if _, err := m.Device.Load(p); err != nil {
		t.Fatal(err)
	}
	o.closeMachine(m)
	var got []string
	for _, e := range logged.All() {
		got = append(got, e.Message+": "+e.ContextMap()["error"].(string))
	}
	want := []string{"training is slower without a library: products by this program's own kernels: cublasLtCreate",
		"training was slower than it could be: conv2d by this program's own kernels: cudnnGetConvolutionForwardAlgorithm_v7"}
	if len(got) != len(want) {
		t.Fatalf("logged %q, want %q", got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("logged %q, want %q", got[i], want[i])
		}
	}
}
