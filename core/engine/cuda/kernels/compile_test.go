package kernels_test

import (
	"errors"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc"
	"github.com/sslctl/sslctl/sdk/expr"
)

// TestNVRTC compiles a kernel of every op, chains, and a whole network with NVIDIA's compiler where it is found: that
// g++ takes them for the fake is not enough.
func TestNVRTC(t *testing.T) {
	compiler, err := nvrtc.Open(dl.Default(), nvrtc.Newest)
	if missing := (*dl.MissingLibrary)(nil); errors.As(err, &missing) {
		t.Skipf("CUDA KERNELS ARE NOT COMPILED for a GPU: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	sample := map[expr.Kind]enginetest.Op{}
	for _, o := range enginetest.Ops() {
		sample[o.Kind] = o
	}
	all := []*computation{momentum(t), differentiate(t, "residual network", engine.BF16, enginetest.Graphs()["residual network"])}
	for _, kind := range expr.Kinds() {
		all = append(all, apply(t, sample[kind], len(images[kind]) > 0).computation)
	}
	text := unit(all...)
	for _, arch := range []int{80, 90} {
		cubin, log, err := compiler.Compile(text, arch)
		if err != nil {
			t.Fatal(err)
		}
		if log != "" {
			t.Errorf("sm_%d: %s", arch, log)
		}
		t.Logf("sm_%d: %d bytes of source, %d of code", arch, len(text), len(cubin))
	}
}
