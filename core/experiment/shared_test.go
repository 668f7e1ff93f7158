//go:build linux

package experiment_test

import (
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/experiment"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
	"github.com/sslctl/sslctl/core/run"
)

// Calls of the driver that page-lock memory, and its error where the system does not allow that.
const (
	register     = "cuMemHostRegister_v2"
	unregister   = "cuMemHostUnregister"
	notPermitted = 800
)

// onGPU is a run of a method and a regulariser with custom ops on the fakes of NVIDIA's libraries, with the warnings of its log.
func (s stage) onGPU(t *testing.T, f *fake.Fake, methodName string) (folder *run.Folder, warnings []string, err error) {
	t.Helper()
	t.Setenv(dl.Variable, f.Search()[0].Folder+":only")
	c := s.small(methodName)
	c.Device, c.Threads = "cuda", 1
	c.Reg.Terms["good"] = config.Term{Weight: 0.5}
	c.Reg.Space = "raw"
	core, logged := observer.New(zap.WarnLevel)
	o, done := s.options()
	defer done()
	o.Log = zap.New(core)
	_, folder, err = experiment.Start(t.Context(), c, o)
	for _, e := range logged.All() {
		warnings = append(warnings, e.Message+": "+e.ContextMap()["error"].(string))
	}
	return folder, warnings, err
}

// TestPluginsMemoryIsPageLocked: the GPU copies straight from and to the memory that plugins see, which is page-locked once for
// each plugin. Where that fails copies go another way to the same bits, and the log says so.
func TestPluginsMemoryIsPageLocked(t *testing.T) {
	s := newStage(t)
	s.add(t, "method-good")
	s.add(t, "regulariser-good")
	var outcomes []outcome
	staging := 0 // allocations of page-locked memory in the run before
	for _, refused := range []int{0, 1, 2} {
		f := fake.Start(t)
		for n := 1; n <= refused; n++ {
			f.Fail(register, n, notPermitted)
		}
		folder, warnings, err := s.onGPU(t, f, "good")
		if err != nil {
			t.Fatal(err)
		}
		outcomes = append(outcomes, outcomeOf(t, folder))
		if a, b := f.Calls(register), f.Calls(unregister); a != 2 || b != 2-refused {
			t.Errorf("%d refused: %d calls of %s and %d of %s for two plugins", refused, a, register, b, unregister)
		}
		n := f.Calls("cuMemHostAlloc")
		if refused > 0 && n <= staging {
			t.Errorf("%d refused: %d allocations of page-locked memory, no more than the %d before", refused, n, staging)
		}
		staging = n
		if len(warnings) != refused {
			t.Errorf("%d refused: the log warns of %q", refused, warnings)
		}
		for _, w := range warnings {
			if !strings.Contains(w, "copied once more") || !strings.Contains(w, register) {
				t.Errorf("the log warns: %s", w)
			}
		}
	}
	if outcomes[0].step != steps || outcomes[1] != outcomes[0] || outcomes[2] != outcomes[0] {
		t.Errorf("runs end at steps %d, %d and %d, or with unequal weights", outcomes[0].step, outcomes[1].step, outcomes[2].step)
	}
}

// TestDeadPluginsMemoryIsUnlocked: a plugin that dies while the GPU knows its memory leaves none page-locked.
func TestDeadPluginsMemoryIsUnlocked(t *testing.T) {
	s := newStage(t)
	s.add(t, "method-exit")
	s.add(t, "regulariser-good")
	f := fake.Start(t)
	folder, _, err := s.onGPU(t, f, "exit")
	if fault.CodeOf(err) != fault.Plugin {
		t.Fatalf("a run whose plugin dies: %v", err)
	}
	if a, b := f.Calls(register), f.Calls(unregister); a != 2 || b != 2 {
		t.Errorf("%d calls of %s and %d of %s", a, register, b, unregister)
	}
	if got := outcomeOf(t, folder).step; got != troubleAt-1 {
		t.Errorf("left is step %d", got)
	}
}
