package kernels_test

import (
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc/nvidia"
	"github.com/sslctl/sslctl/sdk/expr"
)

// TestNVRTC compiles a kernel of every op, chains, and a whole network with NVIDIA's compiler where it is found: that
// g++ takes them for the fake is not enough.
func TestNVRTC(t *testing.T) {
	compiler := nvidia.Compiler(t)
	sample := map[expr.Kind]enginetest.Op{}
	for _, o := range enginetest.Ops() {
		sample[o.Kind] = o
	}
	all := []*computation{momentum(t), differentiate(t, "residual network", engine.BF16, enginetest.Graphs()["residual network"])}
	for _, kind := range expr.Kinds() {
		all = append(all, apply(t, sample[kind], len(images[kind]) > 0).computation)
	}
	text := unit(all...)
	for _, arch := range nvidia.Architectures() {
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
