package train

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/fault"
)

// halfLossTolerance is how far the first loss of a golden step may be where activations are stored in bfloat16: 8 bits, in
// networks of two and three channels. Later losses follow gradients, whose error core/bench holds to PyTorch's.
const halfLossTolerance = 2e-2

func TestGoldenStepsInBF16(t *testing.T) {
	dir := os.Getenv(goldenEnv)
	if dir == "" {
		dir = "testdata/golden"
	}
	files, err := filepath.Glob(filepath.Join(dir, "step-*.safetensors"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden steps in %s: %v", dir, err)
	}
	for _, file := range files {
		for _, isa := range kernel.ISAs() {
			pool := kernel.NewPool(2, kernel.WithISA(isa), kernel.WithDots(kernel.Everywhere))
			r := openGolden(t, file).replayIn(t, engine.BF16, cpu.New(pool), pool, trains)
			r.forwardBackward(0)
			pool.Close()
			got, want := r.net.exe.Read(r.net.model.Loss), r.golden.tensors["loss"].F32[:1]
			if d := deviate("loss", "", got, want, 1, halfLossTolerance); !(d.excess() <= 1) {
				t.Errorf("%s on %v: the loss is %v, want %v", filepath.Base(file), isa, got[0], want[0])
			}
		}
	}
}

// TestRunInBF16 repeats a run that stores activations in bfloat16 with other numbers of threads, and stops and resumes one.
func TestRunInBF16(t *testing.T) {
	dataDir, other := straight(t, "vicreg")
	c := small("vicreg", dataDir)
	c.Train.Precision = "bf16"
	var want trace
	for i, threads := range []int{2, 1, 3} {
		dir := filepath.Join(t.TempDir(), "run")
		ctx, cancel := context.WithCancel(t.Context())
		_, err := conduct(ctx, dir, c, threads, func(e Event) {
			if s, ok := e.(StepEvent); ok && i == 2 && s.Step == 13 {
				cancel()
			}
		})
		cancel()
		if i == 2 {
			if fault.CodeOf(err) != fault.Interrupted {
				t.Fatalf("the run was to be stopped: %v", err)
			}
			_, err = conduct(t.Context(), dir, c, 1, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := traceOf(t, dir); i == 0 {
			want = got
		} else {
			demandSame(t, want, got)
		}
	}
	if want.metrics == other.metrics || want.checkpoint == other.checkpoint {
		t.Error("the run in bfloat16 is that in float32")
	}
}
