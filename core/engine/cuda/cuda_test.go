package cuda_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
	"github.com/sslctl/sslctl/sdk/expr"
)

// open takes the fake GPU.
func open(t *testing.T, f *fake.Fake) *cuda.Device {
	t.Helper()
	d, err := cuda.Open(f.Search(), 0, cuda.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// TestConform holds the device to the engine's contract.
func TestConform(t *testing.T) { enginetest.Conform(t, open(t, fake.Start(t))) }

// TestBF16 stores activations in bfloat16, in which the libraries multiply too.
func TestBF16(t *testing.T) {
	enginetest.BF16(t, open(t, fake.Start(t)), enginetest.MultipliedInBF16)
}

// TestReplay: from the third run on a plan is one launch of a graph, and nothing is waited for but the end.
func TestReplay(t *testing.T) {
	f := fake.Start(t)
	b := expr.New()
	x, w := b.Input("x", 8, 6), b.Input("w", 6, 5)
	loss := x.MatMul(w).Square().Sum()
	grads, err := b.Grad(loss, w)
	if err != nil {
		t.Fatal(err)
	}
	exe, _ := enginetest.Load(t, open(t, f), []expr.Tensor{loss}, []engine.Update{{Input: w, Value: w.Sub(grads[0].Scale(0.01))}})
	values := enginetest.Draw([]expr.Tensor{x, w})
	if err := errors.Join(exe.Bind(x, values[0]), exe.Hold(w, values[1])); err != nil {
		t.Fatal(err)
	}
	names := []string{"cuLaunchKernel", "cuGraphLaunch", "cuGraphInstantiateWithFlags", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoDAsync_v2", "cuMemcpyDtoHAsync_v2",
		"cuStreamSynchronize", "cuEventSynchronize", "cuMemAlloc_v2", "cuMemHostAlloc"}
	counts := func() []int {
		var list []int
		for _, name := range names {
			list = append(list, f.Calls(name))
		}
		return list
	}
	last := 0.0
	for k := range 6 {
		before := counts()
		if err := exe.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if l := float64(exe.Read(loss)[0]); k > 0 && l >= last {
			t.Errorf("run %d: the loss rose from %g to %g", k, last, l)
		} else {
			last = l
		}
		after := counts()
		for i := range after {
			after[i] -= before[i]
		}
		// A copy in and one on the device for x; the events of its upload and of the end.
		if want := []int{0, 1, 0, 1, 1, 0, 0, 2, 0, 0}; k >= 2 && !slices.Equal(after, want) {
			t.Errorf("run %d called %v %v times, want %v", k, names, after, want)
		}
	}
}

// TestPipeline: inputs that are staged while a run is under way are the next run's, as they were when they were staged.
func TestPipeline(t *testing.T) {
	b := expr.New()
	x := b.Input("x", 3)
	y := x.Scale(2)
	loaded, _ := enginetest.Load(t, open(t, fake.Start(t)), []expr.Tensor{y}, nil)
	exe := loaded.(engine.Pipelined)
	step := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	data := [][]float32{{1, 2, 3}, {4, 5, 6}}
	step("bind", exe.Bind(x, data[0]))
	for k := range 5 {
		step("start", exe.Start(t.Context()))
		next := data[(k+1)%2]
		step("bind the next", exe.Bind(x, next))
		step("stage", exe.Stage())
		kept := slices.Clone(next)
		clear(next) // the device has read it
		step("wait", exe.Wait())
		want := []float32{2, 4, 6}
		if k%2 == 1 {
			want = []float32{8, 10, 12}
		}
		if got := exe.Read(y); !slices.Equal(got, want) {
			t.Errorf("run %d gives %v, want %v", k, got, want)
		}
		copy(next, kept)
	}
}
