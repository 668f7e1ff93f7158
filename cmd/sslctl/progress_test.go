package main

import (
	"bytes"
	"errors"
	"testing"
	"time"

	runfolder "github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/train"
)

func step(n int) train.StepEvent {
	return train.StepEvent{Step: n, Total: 90, Epoch: 0.25, Epochs: 3, Loss: 21.5, ImagesPerSecond: 1234.5, Left: 61499 * time.Millisecond,
		Terms: []runfolder.TermResult{{Name: "invariance", Weight: 25, Value: 0.25}}, Health: "std 0.78/√d"}
}

// TestLines: where there is no terminal, the first step, then one line in ten seconds, the last step, and each phase once.
func TestLines(t *testing.T) {
	var out bytes.Buffer
	l := &lines{out: &out}
	for _, e := range []train.Event{step(1), step(2), step(90), train.PhaseEvent{Name: "features, trained", Done: 1, Total: 2},
		train.PhaseEvent{Name: "features, trained", Done: 2, Total: 2}, train.PhaseEvent{Name: "linear probe, trained"}} {
		l.observe(e)
	}
	l.last = time.Now().Add(-lineEvery)
	l.observe(step(3))
	l.close(nil)
	const rest = "  epoch 0.2/3  1234 images/s  1m1s left  loss 21.5  invariance 0.25  std 0.78/√d\n"
	want := "step 1/90" + rest + "step 90/90" + rest + "features, trained\nlinear probe, trained\nstep 3/90" + rest
	if out.String() != want {
		t.Errorf("printed\n%swant\n%s", &out, want)
	}
}

// TestLoad stands behind the pace where a device tells it.
func TestLoad(t *testing.T) {
	e := step(1)
	e.Load = "GPU 87 %, 3.0 of 80.0 GiB"
	if got, want := describePace(e), "epoch 0.2/3  1234 images/s  1m1s left  GPU 87 %, 3.0 of 80.0 GiB"; got != want {
		t.Errorf("pace %q, want %q", got, want)
	}
}

// TestDownloadLines: a line when a file begins and one when it is whole; none in between, none for what was cut off.
func TestDownloadLines(t *testing.T) {
	var out bytes.Buffer
	d := (&app{stderr: &out}).downloads()
	for _, at := range []int64{0, 500, 1500, 1500} {
		d.observe("a.gz", at, 1500)
	}
	d.observe("b.gz", 10, 2e6)
	d.close()
	if want := "fetching a.gz, 1.5 kB\nfetched a.gz\nfetching b.gz, 2 MB\n"; out.String() != want {
		t.Errorf("printed\n%swant\n%s", &out, want)
	}
}

// TestQuiet prints nothing.
func TestQuiet(t *testing.T) {
	var out bytes.Buffer
	a := &app{stderr: &out, quiet: true, terminal: true}
	p, d := a.progress(), a.downloads()
	p.observe(step(1))
	d.observe("a.gz", 1, 2)
	p.close(nil)
	d.close()
	if out.Len() > 0 {
		t.Errorf("printed %q", &out)
	}
}

// TestScreen: lines go through the bars while there are some.
func TestScreen(t *testing.T) {
	var out, bars bytes.Buffer
	s := &screen{out: &out}
	for _, line := range []string{"a\n", "b\n", "c\n"} {
		if line == "b\n" {
			s.above(&bars)
		} else {
			s.above(nil)
		}
		if _, err := s.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if out.String() != "a\nc\n" || bars.String() != "b\n" {
		t.Errorf("%q on stderr, %q through the bars", &out, &bars)
	}
}

// TestBars draws into a buffer that is no terminal: whatever mpb makes of it, the bars end and nothing blocks.
func TestBars(t *testing.T) {
	var out bytes.Buffer
	a := &app{stderr: &out, logs: &screen{out: &out}, terminal: true}
	for _, err := range []error{nil, errors.New("interrupted")} {
		p := a.progress()
		for _, e := range []train.Event{step(1), step(80), train.PhaseEvent{Name: "features, trained", Done: 1, Total: 2}, train.PhaseEvent{Name: "linear probe, trained"}} {
			p.observe(e)
		}
		p.close(err)
	}
	a.progress().close(nil)
	d := a.downloads()
	d.observe("whole.gz", 10, 10)
	d.observe("cut.gz", 1, 10)
	d.close()
}
