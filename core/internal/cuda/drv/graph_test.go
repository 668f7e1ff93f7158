package drv_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// capture records work as a graph that is ready to launch.
func (r rig) capture(t *testing.T, work func()) *drv.GraphExec {
	t.Helper()
	must(t, r.stream.BeginCapture())
	work()
	g, err := r.stream.EndCapture()
	must(t, err)
	x, err := g.Instantiate()
	must(t, err)
	must(t, g.Close())
	t.Cleanup(func() { must(t, x.Close()) })
	return x
}

func TestGraphReplaysWithNewNumbers(t *testing.T) {
	r := newRig(t)
	scale := r.kernel(t, source, "scale")
	const n = 5
	in, out := r.host(t, n), r.host(t, n)
	x, y := r.alloc(t, n), r.alloc(t, n)
	step := func() {
		must(t, r.stream.CopyIn(x, raw(in)))
		must(t, r.stream.Launch(scale, drv.Launch{Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{32, 1, 1},
			Args: []drv.Arg{drv.Pointer(y), drv.Pointer(x), drv.Float32(2), drv.Int32(1), drv.Int64(n)}}))
		must(t, r.stream.CopyOut(raw(out), y))
	}
	graph := r.capture(t, step)
	if r.fake.Calls("kernel") != 0 {
		t.Error("the capture ran the kernel")
	}
	for _, v := range []float32{1, 5} {
		for i := range in {
			in[i] = v
		}
		must(t, graph.Launch(r.stream))
		if !isNaN(out) {
			t.Error("the result is there before waiting")
		}
		must(t, r.stream.Synchronize())
		if want := slices.Repeat([]float32{2*v + 1}, n); !slices.Equal(out, want) {
			t.Errorf("replay gives %v, want %v", out, want)
		}
	}
}

// TestCaptureIsSpoilt by everything that a GPU refuses meanwhile; afterwards the stream works again.
func TestCaptureIsSpoilt(t *testing.T) {
	r := newRig(t)
	pageable := make([]float32, 1)
	p := r.alloc(t, 1)
	for name, forbidden := range map[string]func() error{
		"allocating":            func() error { _, err := r.Alloc(4); return err },
		"freeing":               func() error { return r.Free(p) },
		"allocating on host":    func() error { _, err := r.AllocHost(4); return err },
		"synchronising":         r.stream.Synchronize,
		"synchronising all":     r.Synchronize,
		"copying from pageable": func() error { return r.stream.CopyIn(p, raw(pageable)) },
		"copying to pageable":   func() error { return r.stream.CopyOut(raw(pageable), p) },
		"loading a module":      func() error { _, err := r.Load([]byte("FAKECUBN")); return err },
	} {
		must(t, r.stream.BeginCapture())
		if err := forbidden(); err == nil {
			t.Errorf("%s during a capture succeeded", name)
		}
		if _, err := r.stream.EndCapture(); err == nil {
			t.Errorf("%s: the capture succeeded", name)
		}
		must(t, r.stream.Zero(p, 4))
		must(t, r.stream.Synchronize())
	}
	if _, err := r.stream.EndCapture(); err == nil {
		t.Error("ended a capture that was not begun")
	}
}

// TestCaptureOfTwoStreams forks by an event and joins by another; without the join it fails.
func TestCaptureOfTwoStreams(t *testing.T) {
	r := newRig(t)
	side, err := r.NewStream()
	must(t, err)
	fork, join := r.event(t), r.event(t)
	p := r.alloc(t, 2)
	out := r.host(t, 2)
	forked := func() {
		must(t, r.stream.Record(fork))
		must(t, side.Wait(fork))
		must(t, side.Zero(p, 4))
	}
	graph := r.capture(t, func() {
		forked()
		must(t, r.stream.Zero(p+4, 4))
		must(t, side.Record(join))
		must(t, r.stream.Wait(join))
		must(t, r.stream.CopyOut(raw(out), p))
	})
	must(t, graph.Launch(r.stream))
	must(t, r.stream.Synchronize())
	if !slices.Equal(out, []float32{0, 0}) {
		t.Errorf("both streams' work gives %v", out)
	}
	must(t, r.stream.BeginCapture())
	forked()
	if _, err := r.stream.EndCapture(); err == nil {
		t.Error("a stream that was not joined did not spoil the capture")
	}
	must(t, side.Close())
}

func (r rig) event(t *testing.T) *drv.Event {
	t.Helper()
	e, err := r.NewEvent()
	must(t, err)
	t.Cleanup(func() { must(t, e.Close()) })
	return e
}

// TestStreamsWaitForEvents shows that a wait orders two streams, and that without it nothing does.
func TestStreamsWaitForEvents(t *testing.T) {
	for name, waits := range map[string]bool{"with a wait": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			other, err := r.NewStream()
			must(t, err)
			in, out := r.host(t, 1), r.host(t, 1)
			in[0] = 7
			p := r.alloc(t, 1)
			e := r.event(t)
			must(t, r.stream.CopyIn(p, raw(in)))
			must(t, r.stream.Record(e))
			if waits {
				must(t, other.Wait(e))
			}
			must(t, other.CopyOut(raw(out), p))
			must(t, other.Synchronize())
			if (out[0] == 7) != waits {
				t.Errorf("read %v", out[0])
			}
			must(t, r.stream.Synchronize())
			must(t, other.Close())
		})
	}
}

func TestEvents(t *testing.T) {
	r := newRig(t)
	start, end := r.event(t), r.event(t)
	p := r.alloc(t, 1<<18)
	if done, err := end.Done(); err != nil || !done {
		t.Errorf("an event that was not recorded: %v, %v", done, err)
	}
	must(t, r.stream.Record(start))
	must(t, r.stream.Zero(p, 1<<20))
	must(t, r.stream.Record(end))
	queries := 0
	for done := false; !done; queries++ {
		var err error
		if done, err = end.Done(); err != nil {
			t.Fatal(err)
		}
	}
	if queries < 2 {
		t.Error("the work was done when first asked")
	}
	must(t, end.Synchronize())
	if d, err := end.Since(start); err != nil || d <= 0 {
		t.Errorf("time between events %v, %v", d, err)
	}
	must(t, r.stream.Record(end))
	if _, err := end.Since(start); err == nil {
		t.Error("measured to an event that was not reached")
	}
	var failure *drv.Error
	r.fake.Fail("cuEventQuery", 1, 719)
	if _, err := end.Done(); !errors.As(err, &failure) || failure.Code != 719 {
		t.Errorf("a lost device: error %v", err)
	}
	must(t, r.stream.Synchronize())
}
