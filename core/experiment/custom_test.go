//go:build unix

package experiment_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/experiment"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/session"
	"github.com/sslctl/sslctl/core/train"
)

// steps is the length of the tests' runs.
const steps = 8

// stage is a place for runs: data, plugins, temporary files and sockets.
type stage struct{ data, plugins, temp, runs string }

// newStage makes a place whose plugins are links to this binary. When the test ends no process may be left that was started
// from it, and no socket or temporary file.
func newStage(t *testing.T) stage {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "e") // short: sockets lie below
	if err != nil {
		t.Fatal(err)
	}
	s := stage{filepath.Join(base, "data"), filepath.Join(base, "plugins"), filepath.Join(base, "t"), filepath.Join(base, "runs")}
	for _, dir := range []string{s.data, s.plugins, s.temp} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeImages(t, s.data)
	for key, value := range map[string]string{"XDG_RUNTIME_DIR": s.temp, "TMPDIR": s.temp, "XDG_DATA_HOME": s.temp, host.PathKey: ""} {
		t.Setenv(key, value)
	}
	t.Cleanup(func() {
		s.noneLeft(t)
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	return s
}

// add installs a plugin under a name, "method-good".
func (s stage) add(t *testing.T, name string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(s.plugins, "sslctl-"+name)); err != nil {
		t.Fatal(err)
	}
}

// mend lets misbehaving plugins behave from now on, or no longer.
func (s stage) mend(t *testing.T, mended bool) {
	t.Helper()
	path := filepath.Join(s.temp, mendedFile)
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if mended {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// noneLeft fails for each process that was started from the stage's plugins or works in its folders, and for each socket.
func (s stage) noneLeft(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(2 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left := s.processes()
		entries, err := os.ReadDir(s.temp)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != mendedFile {
				left = append(left, e.Name())
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("left are %q", left)
		}
	}
}

// processes lists what runs with the stage's folder of temporary files in its environment, but for this process; where the
// system shows it. Children of plugins have that environment too.
func (s stage) processes() []string {
	var out []string
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		pid := filepath.Base(filepath.Dir(file))
		environ, _ := os.ReadFile(file)
		if pid != fmt.Sprint(os.Getpid()) && bytes.Contains(environ, []byte("TMPDIR="+s.temp+"\x00")) {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			out = append(out, pid+" "+string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return out
}

func writeImages(t *testing.T, dir string) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	for prefix, n := range map[string]int{"train": 64, "t10k": 16} {
		images, labels := header(8, 3, n, 28, 28), header(8, 1, n)
		for i := range n {
			for range 28 * 28 {
				images = append(images, byte(60*(i%4)+r.IntN(60)))
			}
			labels = append(labels, byte(i%4))
		}
		for name, content := range map[string][]byte{"-images-idx3-ubyte": images, "-labels-idx1-ubyte": labels} {
			if err := os.WriteFile(filepath.Join(dir, prefix+name), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func header(kind, axes byte, dims ...int) []byte {
	b := []byte{0, 0, kind, axes}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return b
}

// small is a configuration that trains in a moment and saves rarely, so that what is kept was kept for a reason.
func (s stage) small(method string) config.Config {
	c := config.Default()
	c.Method, c.Data.Name, c.Data.Dir = method, "mnist", s.data
	c.Backbone.Widths = []int{2, 2, 2}
	c.Train.Batch, c.Train.Steps, c.Train.Epochs, c.Train.Seed, c.Train.Precision = 8, steps, 0, 3, "fp32"
	c.Probe = config.Probe{KNN: true, K: 3, Temperature: 0.1}
	c.Checkpoint.EverySteps, c.Checkpoint.EveryMinutes = 100, 0
	c.Out = s.runs
	return c
}

// options are those of the command line, but for short patience with the plugin that hangs.
func (s stage) options() (experiment.Options, func()) {
	o := host.Options{PluginDirs: []string{s.plugins}}
	if _, err := os.Lstat(filepath.Join(s.plugins, "sslctl-method-hang")); err == nil {
		o.CallTimeout = time.Second
	}
	h := host.New(o)
	return experiment.Options{Session: &session.Session{Host: h}, Log: zap.NewNop(), Version: "test"}, h.Close
}

func (s stage) start(ctx context.Context, c config.Config, observe func(train.Event)) (*run.Folder, error) {
	o, done := s.options()
	defer done()
	o.Observe = observe
	_, folder, err := experiment.Start(ctx, c, o)
	return folder, err
}

func (s stage) resume(ctx context.Context, dir string) (*run.Folder, error) {
	o, done := s.options()
	defer done()
	_, folder, err := experiment.Continue(ctx, dir, o)
	return folder, err
}

// outcome is what equal runs have in common: the last checkpoint's step, and its bytes.
type outcome struct {
	step    int
	weights string
}

func outcomeOf(t *testing.T, f *run.Folder) outcome {
	t.Helper()
	c, err := f.LoadLast()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Skipped) > 0 {
		t.Errorf("damaged checkpoints: %v", c.Skipped)
	}
	b, err := os.ReadFile(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	return outcome{c.Step, string(b)}
}

func demand(t *testing.T, f *run.Folder, want run.Status) {
	t.Helper()
	if got, reason, err := f.Status(); err != nil || got != want {
		t.Errorf("the run is %s (%s, %v), want %s", got, reason, err, want)
	}
}

// TestRunWithCustomOps trains by a method and a regulariser that are both custom ops: the run folder names them, the run
// repeats to the bit, and evaluation needs no plugin.
func TestRunWithCustomOps(t *testing.T) {
	s := newStage(t)
	s.add(t, "method-good")
	s.add(t, "regulariser-good")
	c := s.small("good")
	c.Reg.Terms["good"] = config.Term{Weight: 0.5}
	c.Reg.Space = "raw"
	var outcomes []outcome
	var folder *run.Folder
	for _, threads := range []int{1, 2} {
		c.Threads = threads
		var err error
		if folder, err = s.start(t.Context(), c, nil); err != nil {
			t.Fatal(err)
		}
		demand(t, folder, run.Done)
		outcomes = append(outcomes, outcomeOf(t, folder))
	}
	if outcomes[0] != outcomes[1] || outcomes[0].step != steps {
		t.Errorf("two runs end at steps %d and %d, with equal weights: %v", outcomes[0].step, outcomes[1].step, outcomes[0] == outcomes[1])
	}
	p, err := folder.Provenance()
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Regularisers) != 1 {
		t.Fatalf("%d regularisers in the provenance", len(p.Regularisers))
	}
	for _, plugin := range []run.Plugin{p.Method, p.Regularisers[0]} {
		if plugin.Name != "good" || len(plugin.SHA256) != 64 || fmt.Sprint(plugin.CustomOps) != "[contrast]" {
			t.Errorf("provenance %+v", plugin)
		}
	}
	text, err := folder.ProgramText()
	if err != nil || !strings.Contains(string(text), "# custom ops: contrast, contrast; to resume, the run needs the plugins") {
		t.Errorf("program.txt (%v):\n%s", err, text)
	}
	if err := os.RemoveAll(s.plugins); err != nil {
		t.Fatal(err)
	}
	o, done := s.options()
	defer done()
	result, _, err := experiment.Evaluate(t.Context(), folder.Dir(), o)
	if err != nil || len(result.Probes) == 0 {
		t.Errorf("evaluated without the plugins: %d probes, %v", len(result.Probes), err)
	}
	_, err = s.resume(t.Context(), folder.Dir())
	if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), `unknown method "good"`) {
		t.Errorf("resumed without the plugins: %v", err)
	}
}

// TestResumeWithAnotherPlugin: a program of the same name computes something else, perhaps.
func TestResumeWithAnotherPlugin(t *testing.T) {
	s := newStage(t)
	s.add(t, "method-exit")
	folder, err := s.start(t.Context(), s.small("exit"), nil)
	if fault.CodeOf(err) != fault.Plugin {
		t.Fatal(err)
	}
	path := filepath.Join(s.plugins, "sslctl-method-exit")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	copyWithATail(t, path)
	if _, err = s.resume(t.Context(), folder.Dir()); fault.CodeOf(err) != fault.Plugin || !strings.Contains(err.Error(), "is not the plugin that began the run") {
		t.Errorf("%v", err)
	}
	demand(t, folder, run.Failed)
	if got := outcomeOf(t, folder).step; got != troubleAt-1 {
		t.Errorf("left is step %d", got)
	}
}

// copyWithATail makes a program that does the same and has other bytes.
func copyWithATail(t *testing.T, path string) {
	t.Helper()
	self, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(out, self)
	_, tailErr := out.WriteString("tail")
	if err := errors.Join(err, tailErr, out.Close()); err != nil {
		t.Fatal(err)
	}
}

// The parts that this binary plays when it is started as a training.
const (
	partKey  = "SSLCTL_TEST_PART"
	stageKey = "SSLCTL_TEST_STAGE" // the folder of the stage
)

// play is a training in a process of its own: "train", or "full" with room for small files only.
func play(part string) int {
	base := os.Getenv(stageKey)
	s := stage{filepath.Join(base, "data"), filepath.Join(base, "plugins"), filepath.Join(base, "t"), filepath.Join(base, "runs")}
	c := s.small("good")
	c.Checkpoint.EverySteps = 1
	if part == "train" {
		c.Train.Steps = 100_000
	}
	folder, err := s.start(context.Background(), c, func(e train.Event) {
		if step, ok := e.(train.StepEvent); ok && step.Step == 3 {
			fmt.Println("on its way")
			if part == "full" {
				fill()
			}
		}
	})
	if folder != nil {
		fmt.Println(folder.Dir())
	}
	fmt.Println(err)
	return int(fault.CodeOf(err))
}

// fill leaves no room for files of more than 200 bytes.
func fill() {
	signal.Ignore(syscall.SIGXFSZ) // so that write gives EFBIG
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 200, Max: 200}); err != nil {
		panic(err)
	}
}

// playing starts a part.
func (s stage) playing(t *testing.T, part string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), partKey+"="+part, stageKey+"="+filepath.Dir(s.runs))
	return cmd
}
