package run

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/sslctl/sslctl/core/durable"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/safetensors"
)

// limitEnv is the largest file that the child may write, in bytes; "" for no limit.
const limitEnv = "SSLCTL_RUN_TEST_LIMIT"

// TestFileLimit runs out of room by the limit that `ulimit -f` sets. It needs no rights.
func TestFileLimit(t *testing.T) {
	cmd := childCommand(t, "full", t.TempDir()+"/run")
	cmd.Env = append(cmd.Env, limitEnv+"=1000000")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// fillUp saves ever larger checkpoints until one no longer fits, and says what is wrong with the failure.
func fillUp(dir string) error {
	if limit := os.Getenv(limitEnv); limit != "" {
		var l syscall.Rlimit
		if _, err := fmt.Sscan(limit, &l.Cur); err != nil {
			return err
		}
		l.Max = l.Cur
		signal.Ignore(syscall.SIGXFSZ) // so that write gives EFBIG
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
			return err
		}
	}
	r, err := Create(Options{Dir: dir, Provenance: Provenance{Method: Plugin{Name: "test"}}})
	if err != nil {
		return err
	}
	for step := 1; step < 100; step++ {
		big := safetensors.Floats(make([]float32, step*20_000), step*20_000)
		if err := r.SaveCheckpoint(step, map[string]safetensors.Tensor{"big": big}, nil); err != nil {
			return checkFull(r, step, err)
		}
	}
	return fmt.Errorf("there always was room")
}

// checkFull checks the failure to save the checkpoint of a step: its error, and that the one before is whole.
func checkFull(r *Run, step int, failure error) error {
	hint := fault.HintOf(failure)
	if fault.CodeOf(failure) != fault.Data || !durable.IsFull(failure) || !strings.Contains(hint, fmt.Sprintf("step-%d is kept", step-1)) {
		return fmt.Errorf("failure %w of code %d with hint %q", failure, fault.CodeOf(failure), hint)
	}
	c, err := r.LoadLast()
	if err != nil {
		return err
	}
	if c.Step != step-1 || len(c.Skipped) > 0 {
		return fmt.Errorf("left is step %d of %d, passed over %v", c.Step, step, c.Skipped)
	}
	entries, err := os.ReadDir(r.path(checkpointsDir))
	if err != nil {
		return err
	}
	if len(entries) != keepLast+1 { // and the link
		return fmt.Errorf("left behind: %v", entries)
	}
	return r.Close(Failed, failure.Error())
}
