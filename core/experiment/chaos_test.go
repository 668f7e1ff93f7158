//go:build unix

package experiment_test

import (
	"bufio"
	"context"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sslctl/sslctl/core/experiment"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/train"
)

// TestChaos lets plugins misbehave in the middle of a run, each as often as -chaos says. Every time the run ends with one
// error, which blames the plugin; the state of the last whole step is there, nothing of the plugin is; and the run goes on
// to the weights of a run that was never disturbed.
func TestChaos(t *testing.T) {
	says := map[string]string{
		"error": "the matrix is singular", "panic": "panicked: cannot compute", "exit": "crashed (exit status 9)",
		"killed": "crashed (signal: killed)", "hang": "did not answer", "children": "crashed (exit status 7)",
	}
	for _, name := range slices.Sorted(maps.Keys(says)) {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.add(t, "method-"+name)
			s.mend(t, true)
			undisturbed, err := s.start(t.Context(), s.small(name), nil)
			if err != nil {
				t.Fatal(err)
			}
			want := outcomeOf(t, undisturbed)
			files := openFiles(t)
			for range *chaos {
				s.mend(t, false)
				folder, err := s.start(t.Context(), s.small(name), nil)
				if fault.CodeOf(err) != fault.Plugin || !strings.Contains(err.Error(), says[name]) || !strings.Contains(fault.HintOf(err), "sslctl run --resume") {
					t.Fatalf("%v of code %d, hint %q; want %q", err, fault.CodeOf(err), fault.HintOf(err), says[name])
				}
				demand(t, folder, run.Failed)
				if left := outcomeOf(t, folder).step; left != troubleAt-1 {
					t.Fatalf("left is step %d", left)
				}
				s.noneLeft(t)
				s.mend(t, true)
				s.goesOn(t, folder, want)
			}
			if n := openFiles(t); n > files {
				t.Errorf("%d files are open, %d were before", n, files)
			}
		})
	}
}

// goesOn resumes a run to its end, which must be that of an undisturbed one, and clears it away.
func (s stage) goesOn(t *testing.T, folder *run.Folder, want outcome) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	folder, err := s.resume(ctx, folder.Dir())
	if err != nil {
		t.Fatal(err)
	}
	demand(t, folder, run.Done)
	if got := outcomeOf(t, folder); got != want {
		t.Errorf("the resumed run ends at step %d with other weights than the undisturbed one", got.step)
	}
	s.noneLeft(t)
	if err := os.RemoveAll(s.runs); err != nil {
		t.Fatal(err)
	}
}

// TestChaosOfTheHost kills the training itself and fills its disk, while a plugin computes a part of its loss.
func TestChaosOfTheHost(t *testing.T) {
	s := newStage(t)
	s.add(t, "method-good")
	for range *chaos {
		folder := s.killed(t)
		s.noneLeft(t)
		before := outcomeOf(t, folder).step
		if before < 2 {
			t.Errorf("left is step %d", before)
		}
		// The run is too long to end: it goes on from its checkpoint for a few steps, until it is interrupted.
		s.goesOnFor(t, folder, before)
		if err := os.RemoveAll(s.runs); err != nil {
			t.Fatal(err)
		}
	}
	undisturbed, err := s.start(t.Context(), s.small("good"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := outcomeOf(t, undisturbed)
	for range *chaos {
		cmd := s.playing(t, "full")
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != int(fault.Data) {
			t.Fatalf("with a full disk: %v\n%s", err, out)
		}
		s.noneLeft(t)
		folder := s.only(t)
		if left := outcomeOf(t, folder).step; left != 3 && left != 2 {
			t.Errorf("left is step %d", left)
		}
		s.goesOn(t, folder, want)
	}
}

// killed starts a training and kills it by SIGKILL on its way.
func (s stage) killed(t *testing.T) *run.Folder {
	t.Helper()
	cmd := s.playing(t, "train")
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewReader(stdout)
	line, _ := out.ReadString('\n')
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(out)
	_ = cmd.Wait()
	if line != "on its way\n" {
		t.Fatalf("the training says %q%q", line, rest)
	}
	return s.only(t)
}

// only is the one run of the stage.
func (s stage) only(t *testing.T) *run.Folder {
	t.Helper()
	entries, err := os.ReadDir(s.runs)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if f, err := run.Open(filepath.Join(s.runs, e.Name())); err == nil && e.IsDir() {
			if status, _, _ := f.Status(); status != run.Done {
				return f
			}
		}
	}
	t.Fatalf("no unfinished run among %v", entries)
	return nil
}

func (s stage) goesOnFor(t *testing.T, folder *run.Folder, before int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o, done := s.options()
	defer done()
	o.Observe = func(e train.Event) {
		if step, ok := e.(train.StepEvent); ok && step.Step >= before+3 {
			cancel()
		}
	}
	_, _, err := experiment.Continue(ctx, folder.Dir(), o)
	if fault.CodeOf(err) != fault.Interrupted {
		t.Fatalf("resumed after a kill: %v", err)
	}
	if after := outcomeOf(t, folder).step; after < before+3 {
		t.Errorf("resumed at step %d, left is step %d", before, after)
	}
	demand(t, folder, run.Interrupted)
	s.noneLeft(t)
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
