package train

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/run"
)

// demandSame demands the same of two runs, and says in which part they differ.
func demandSame(t *testing.T, want, got trace) {
	t.Helper()
	if d := cmp.Diff(want.metrics, got.metrics); d != "" {
		t.Errorf("metrics differ: %s", d)
	}
	if want.checkpoint != got.checkpoint {
		t.Error("the last checkpoints differ")
	}
	if want.best != got.best {
		t.Errorf("the best is %s, want %s", got.best, want.best)
	}
	if d := cmp.Diff(want.probes, got.probes) + cmp.Diff(want.collapse, got.collapse) + cmp.Diff(want.plane, got.plane); d != "" {
		t.Errorf("results differ: %s", d)
	}
}

// straight is a run that is left alone, and the folder of its data.
func straight(t *testing.T, methodName string) (dataDir string, tr trace) {
	t.Helper()
	dataDir = t.TempDir()
	writePatterns(t, dataDir)
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := conduct(context.Background(), dir, small(methodName, dataDir), 2, nil); err != nil {
		t.Fatal(err)
	}
	tr = traceOf(t, dir)
	if len(tr.probes) == 0 || tr.metrics == "" {
		t.Fatalf("the run left %d probes and metrics %q", len(tr.probes), tr.metrics)
	}
	if m := tr.plane; len(m.Points) != patternTest || len(m.Labels) != patternTest || len(m.Classes) != patternKinds || m.Split != "test" {
		t.Fatalf("the run left a map of %d points, %d labels, %d classes of the %s split", len(m.Points), len(m.Labels), len(m.Classes), m.Split)
	}
	return dataDir, tr
}

// TestRepeat runs a configuration again, with as many, with fewer and with more threads, and with another seed.
func TestRepeat(t *testing.T) {
	for _, name := range []string{"vicreg", "byol", "simsiam", "barlowtwins"} {
		t.Run(name, func(t *testing.T) {
			dataDir, want := straight(t, name)
			for _, threads := range []int{2, 1, 3} {
				dir := filepath.Join(t.TempDir(), "run")
				if _, err := conduct(context.Background(), dir, small(name, dataDir), threads, nil); err != nil {
					t.Fatal(err)
				}
				demandSame(t, want, traceOf(t, dir))
			}
			c := small(name, dataDir)
			c.Train.Seed++
			dir := filepath.Join(t.TempDir(), "run")
			if _, err := conduct(context.Background(), dir, c, 2, nil); err != nil {
				t.Fatal(err)
			}
			if got := traceOf(t, dir); got.metrics == want.metrics || got.checkpoint == want.checkpoint {
				t.Error("another seed gives the same run")
			}
		})
	}
}

// TestLearns trains on the patterns and demands that the representation tells them apart better than the pixels do by
// nearest neighbours, and that the loss has fallen.
func TestLearns(t *testing.T) {
	dataDir := t.TempDir()
	writePatterns(t, dataDir)
	c := small("vicreg", dataDir)
	c.Train.Epochs, c.Backbone.Widths, c.Probe.Every = 40, []int{8, 16, 32}, 0
	var first, last float64
	result, err := conduct(context.Background(), filepath.Join(t.TempDir(), "run"), c, 2, func(e Event) {
		if s, ok := e.(StepEvent); ok && s.Step == 1 {
			first = s.Loss
		} else if ok {
			last = s.Loss
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	knn := map[string]float64{}
	for _, p := range result.Probes {
		if p.Probe == run.KNN {
			knn[p.Features] = float64(p.Accuracy)
		}
	}
	t.Logf("loss %.3g -> %.3g, nearest neighbours %v", first, last, knn)
	if !(last < first) || knn[run.Trained] <= knn[run.Pixels] {
		t.Errorf("loss %.3g -> %.3g, nearest neighbours %v", first, last, knn)
	}
}

// TestCancel ends the context at random steps, while probing and while evaluating, resumes each time, and demands the run
// that was never stopped.
func TestCancel(t *testing.T) {
	for _, name := range []string{"byol", "vicreg"} {
		t.Run(name, func(t *testing.T) {
			dataDir, want := straight(t, name)
			dir := filepath.Join(t.TempDir(), "run")
			r := rand.New(rand.NewPCG(1, 9))
			stops := []func(Event) bool{
				func(e Event) bool { s, ok := e.(StepEvent); return ok && s.Step == 1 },
				func(e Event) bool { s, ok := e.(StepEvent); return ok && s.Step >= 13 },
				func(e Event) bool { p, ok := e.(PhaseEvent); return ok && p.Name == "k nearest neighbours" },
				func(e Event) bool { s, ok := e.(StepEvent); return ok && s.Step >= 40+r.IntN(10) },
				func(e Event) bool { s, ok := e.(StepEvent); return ok && s.Step == patternSteps },
				func(e Event) bool { p, ok := e.(PhaseEvent); return ok && p.Name == "features, "+run.Untrained },
			}
			for i, stop := range stops {
				ctx, cancel := context.WithCancel(context.Background())
				_, err := conduct(ctx, dir, small(name, dataDir), 1+i%2, func(e Event) {
					if stop(e) {
						cancel()
					}
				})
				cancel()
				if fault.CodeOf(err) != fault.Interrupted {
					t.Fatalf("stop %d: error %v of code %d", i, err, fault.CodeOf(err))
				}
			}
			if _, err := conduct(context.Background(), dir, small(name, dataDir), 2, nil); err != nil {
				t.Fatal(err)
			}
			demandSame(t, want, traceOf(t, dir))
		})
	}
}

// TestCancelAtOnce ends the context before the first step: the run resumes from nothing.
func TestCancelAtOnce(t *testing.T) {
	dataDir, want := straight(t, "simsiam")
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := conduct(ctx, dir, small("simsiam", dataDir), 2, nil); fault.CodeOf(err) != fault.Interrupted {
		t.Fatalf("error %v of code %d", err, fault.CodeOf(err))
	}
	if _, err := conduct(context.Background(), dir, small("simsiam", dataDir), 2, nil); err != nil {
		t.Fatal(err)
	}
	demandSame(t, want, traceOf(t, dir))
}

// TestOtherConfiguration refuses to resume a run with another configuration, and leaves the folder as it was.
func TestOtherConfiguration(t *testing.T) {
	dataDir, _ := straight(t, "vicreg")
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := conduct(ctx, dir, small("vicreg", dataDir), 2, func(e Event) {
		if s, ok := e.(StepEvent); ok && s.Step == 10 {
			cancel()
		}
	})
	if fault.CodeOf(err) != fault.Interrupted {
		t.Fatalf("error %v of code %d", err, fault.CodeOf(err))
	}
	before := contents(t, dir)
	c := small("vicreg", dataDir)
	c.Optimizer.LR *= 2
	if _, err := conduct(context.Background(), dir, c, 2, nil); fault.CodeOf(err) != fault.Data || fault.HintOf(err) == "" {
		t.Errorf("error %v of code %d", err, fault.CodeOf(err))
	}
	if d := cmp.Diff(before, contents(t, dir)); d != "" {
		t.Errorf("the folder has changed: %s", d)
	}
	// Keys outside the hash may change.
	c = small("vicreg", dataDir)
	c.Checkpoint.EverySteps = 9
	if _, err := conduct(context.Background(), dir, c, 1, nil); err != nil {
		t.Error(err)
	}
}

// contents are a run's files but its status.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range []string{"metrics.jsonl", "config.yaml", "samples.png", "checkpoints/*"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			files[path] = string(b)
		}
	}
	return files
}

// What a child process trains.
const (
	childDirEnv    = "SSLCTL_TRAIN_TEST_DIR"
	childDataEnv   = "SSLCTL_TRAIN_TEST_DATA"
	childMethodEnv = "SSLCTL_TRAIN_TEST_METHOD"
)

// trainChild begins or resumes the run of its environment and prints each step, then each phase.
func trainChild() error {
	_, err := conduct(context.Background(), os.Getenv(childDirEnv), small(os.Getenv(childMethodEnv), os.Getenv(childDataEnv)), 2, func(e Event) {
		switch e := e.(type) {
		case StepEvent:
			fmt.Println(e.Step)
		case PhaseEvent:
			fmt.Println("phase", e.Name)
		}
	})
	return err
}

func childCommand(t *testing.T, what, methodName, dataDir, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+what, childMethodEnv+"="+methodName, childDataEnv+"="+dataDir, childDirEnv+"="+dir)
	return cmd
}

// TestKill kills a training process by SIGKILL at random steps and then once while it evaluates, resumes it each time, and
// demands the run that was never stopped.
func TestKill(t *testing.T) {
	const methodName = "byol"
	dataDir, want := straight(t, methodName)
	dir := filepath.Join(t.TempDir(), "run")
	r := rand.New(rand.NewPCG(4, 2))
	for kill := range 5 {
		after := kill*patternSteps/5 + r.IntN(patternSteps/5)
		if kill == 4 {
			after = patternSteps
		}
		cmd := childCommand(t, "train", methodName, dataDir, dir)
		if err := killAfter(cmd, after, time.Duration(r.IntN(20000))*time.Microsecond); err != nil {
			t.Fatalf("kill %d after step %d: %v", kill, after, err)
		}
		checkWhole(t, dir)
	}
	if out, err := childCommand(t, "train", methodName, dataDir, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	demandSame(t, want, traceOf(t, dir))
}

// killAfter starts a child, waits until it has done a step and a little longer, and kills it.
func killAfter(cmd *exec.Cmd, step int, longer time.Duration) error {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if done, err := strconv.Atoi(lines.Text()); err == nil && done >= step {
			break
		}
	}
	time.Sleep(longer)
	killErr := cmd.Process.Kill()
	if cmd.Wait(); cmd.ProcessState.Exited() {
		return fmt.Errorf("the child ended by itself: %v: %s", cmd.ProcessState, &stderr)
	}
	return killErr
}

// checkWhole demands of a killed run that its newest checkpoint is whole and that its metrics reach it.
func checkWhole(t *testing.T, dir string) {
	t.Helper()
	f, err := run.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s, _, err := f.Status(); s != run.Interrupted || err != nil {
		t.Errorf("status %s, %v", s, err)
	}
	records, err := f.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.LoadLast()
	if err != nil && fault.CodeOf(err) != fault.Data {
		t.Fatal(err)
	}
	if err == nil && (len(c.Skipped) > 0 || c.Step/recordEvery > 0 && len(records) == 0) {
		t.Errorf("checkpoint of step %d with %d records, passed over %v", c.Step, len(records), c.Skipped)
	}
}
