package run

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// childEnv makes the test binary a training process instead; see TestMain.
const childEnv = "SSLCTL_RUN_TEST_CHILD"

// dirEnv names the folder that the child works in.
const dirEnv = "SSLCTL_RUN_TEST_DIR"

const (
	killSteps      = 1000
	killCheckpoint = 7 // steps from one checkpoint to the next
)

func child(mode string) {
	var err error
	switch mode {
	case "train":
		err = train(os.Getenv(dirEnv))
	case "full":
		err = fillUp(os.Getenv(dirEnv))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// train is a training of killSteps steps whose state is one number, continued where the folder stands.
func train(dir string) error {
	r, at, err := startOrResume(dir)
	if err != nil {
		return err
	}
	for step := at + 1; step <= killSteps; step++ {
		rec := Record{Step: step, Values: map[string]float64{Loss: 1 / float64(step)}, Time: map[string]float64{Seconds: float64(time.Now().Unix())}}
		if err := r.Append(rec); err != nil {
			return err
		}
		if step%killCheckpoint != 0 {
			continue
		}
		if err := r.SaveCheckpoint(step, state(step), nil); err != nil {
			return err
		}
		if step%(3*killCheckpoint) == 0 {
			if err := r.MarkBest(step); err != nil {
				return err
			}
		}
	}
	return r.Close(Done, "")
}

func startOrResume(dir string) (*Run, int, error) {
	if _, err := Open(dir); err != nil {
		r, err := Create(Options{Dir: dir, Provenance: Provenance{Method: Plugin{Name: "test"}}})
		return r, 0, err
	}
	r, err := Resume(dir, nil)
	if err != nil {
		return nil, 0, err
	}
	c, err := r.LoadLast()
	if err != nil {
		return r, 0, r.Rewind(-1)
	}
	return r, c.Step, r.Rewind(c.Step)
}

func childCommand(t *testing.T, mode, dir string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+mode, dirEnv+"="+dir)
	return cmd
}

// TestKill9 kills a training at random moments until it has got through. After each death the folder must be
// consistent; at the end its metrics must be those of a run that was left alone.
func TestKill9(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	rng := rand.New(rand.NewPCG(1, 2))
	kills := 0
	for done := false; !done; {
		cmd := childCommand(t, "train", dir)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Later deaths come later, so that the training gets through on any machine.
		time.Sleep(time.Duration(rng.IntN(25*(kills+1))+1) * time.Millisecond)
		killErr := cmd.Process.Kill()
		err := cmd.Wait()
		switch {
		case err == nil:
			done = true
		case cmd.ProcessState.Exited():
			t.Fatalf("after %d kills: %v: %s", kills, err, &stderr)
		case killErr == nil:
			kills++
			done = checkConsistent(t, dir)
		}
	}
	if kills < 3 {
		t.Errorf("only %d kills", kills)
	}
	t.Logf("%d kills", kills)

	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s, _, err := f.Status(); s != Done || err != nil {
		t.Errorf("status %s, %v", s, err)
	}
	records, err := f.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != killSteps {
		t.Fatalf("%d records, want %d", len(records), killSteps)
	}
	for i, r := range records {
		if want := (Record{Step: i + 1, Values: map[string]float64{Loss: 1 / float64(i+1)}, Time: r.Time}); cmp.Diff(want, r) != "" {
			t.Fatalf("record %d: %s", i, cmp.Diff(want, r))
		}
	}
}

// checkConsistent demands of a folder whose writer was killed: the status says so, the last checkpoint is whole,
// and the metrics up to it are complete. It reports whether death came after the run was done.
func checkConsistent(t *testing.T, dir string) (done bool) {
	t.Helper()
	f, err := Open(dir)
	if err != nil {
		return false // killed before the folder was a run
	}
	s, _, err := f.Status()
	if s != Interrupted && s != Done || err != nil {
		t.Errorf("status %s, %v, want interrupted", s, err)
	}
	records, err := f.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		if r.Step != i+1 {
			t.Fatalf("record %d is of step %d", i, r.Step)
		}
	}
	steps, err := f.checkpointSteps()
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) == 0 {
		return false
	}
	c, err := f.LoadLast()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Skipped) > 0 {
		t.Errorf("a checkpoint is not whole: %v", c.Skipped)
	}
	if d := cmp.Diff(state(c.Step), c.Tensors); d != "" {
		t.Error(d)
	}
	if len(records) < c.Step {
		t.Errorf("checkpoint of step %d, but only %d records", c.Step, len(records))
	}
	if best, ok, err := f.best(); err != nil {
		t.Error(err)
	} else if _, err := os.Stat(f.checkpointPath(best)); ok && err != nil {
		t.Errorf("best points to nothing: %v", err)
	}
	return s == Done
}
