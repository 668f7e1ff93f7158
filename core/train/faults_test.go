package train

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/run"
)

// TestDivergedLoss lets weights grow in each step until float32 ends. The run stops, names term and step, and the
// checkpoint that is left is finite.
func TestDivergedLoss(t *testing.T) {
	dataDir := t.TempDir()
	writePatterns(t, dataDir)
	c := small("vicreg", dataDir)
	c.Optimizer = config.Optimizer{Name: "sgd", LR: 10, LRScale: "none", WeightDecay: 1}
	c.Schedule = config.Schedule{Name: "constant"}
	c.Checkpoint.EverySteps = 1
	dir := filepath.Join(t.TempDir(), "run")
	steps := 0
	_, err := conduct(context.Background(), dir, c, 2, func(e Event) {
		if s, ok := e.(StepEvent); ok {
			steps = s.Step
		}
	})
	checkDiverged(t, dir, err, steps, `term "`, fmt.Sprintf("step %d:", steps+1))
}

// TestDivergedWeights breaks the weights in a step whose loss is still finite and after which a checkpoint is due. It must
// not take the place of a good one.
func TestDivergedWeights(t *testing.T) {
	dataDir := t.TempDir()
	writePatterns(t, dataDir)
	c := small("vicreg", dataDir)
	c.Checkpoint.EverySteps = 1
	pool := kernel.NewPool(2)
	defer pool.Close()
	j, err := smallJob(c, pool)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "run")
	if j.Folder, _, err = openRun(dir, c); err != nil {
		t.Fatal(err)
	}
	var tr *trainer
	j.Observe = func(e Event) {
		if s, ok := e.(StepEvent); ok && s.Step == 5 {
			tr.opt.schedule.LR = 1e39 // beyond float32
		}
	}
	if tr, err = newTrainer(j); err != nil {
		t.Fatal(err)
	}
	defer tr.loader.Close()
	err = tr.loop(context.Background())
	if closeErr := j.Folder.Close(run.Failed, ""); closeErr != nil {
		t.Error(closeErr)
	}
	checkDiverged(t, dir, err, 5, "parameter ", "step 6")
}

// checkDiverged demands an error that names all parts, and a finite checkpoint of a step to which the hint leads.
func checkDiverged(t *testing.T, dir string, err error, left int, parts ...string) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != fault.Diverged {
		t.Fatalf("error %v of code %d", err, fault.CodeOf(err))
	}
	t.Log(err)
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	f, openErr := run.Open(dir)
	if openErr != nil {
		t.Fatal(openErr)
	}
	last, loadErr := f.LoadLast()
	if loadErr != nil {
		t.Fatal(loadErr)
	}
	if last.Step != left || !strings.Contains(fault.HintOf(err), last.Path) {
		t.Errorf("the checkpoint of step %d is left, want %d; hint %q", last.Step, left, fault.HintOf(err))
	}
	for name, tensor := range last.Tensors {
		for _, v := range tensor.F32 {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Fatalf("%s holds %v", name, v)
			}
		}
	}
}

// TestBatchTooLarge asks for more images in a step than there are.
func TestBatchTooLarge(t *testing.T) {
	dataDir := t.TempDir()
	writePatterns(t, dataDir)
	c := small("simsiam", dataDir)
	c.Train.Batch = patternTrain + 1
	_, err := conduct(context.Background(), filepath.Join(t.TempDir(), "run"), c, 2, nil)
	if fault.CodeOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), fmt.Sprint(patternTrain)) {
		t.Errorf("error %v of code %d, hint %q", err, fault.CodeOf(err), fault.HintOf(err))
	}
}

// pictures writes the patterns as image files, the path of picture i below dir given by name.
func pictures(t *testing.T, dir string, n int, name func(i int) string) {
	t.Helper()
	r := rand.New(rand.NewPCG(6, 6))
	for i := range n {
		img := &image.Gray{Pix: pattern(r, i%patternKinds), Stride: patternSize, Rect: image.Rect(0, 0, patternSize, patternSize)}
		path := filepath.Join(dir, name(i))
		var b bytes.Buffer
		encode := func() error { return png.Encode(&b, img) }
		if strings.HasSuffix(path, ".jpg") {
			encode = func() error { return jpeg.Encode(&b, img, nil) }
		}
		if err := encode(); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, b.Bytes())
	}
}

// folderConfig trains on a folder of pictures.
func folderConfig(dir string) config.Config {
	c := small("vicreg", "")
	c.Data.Name, c.Data.Size = dir, patternSize
	c.Train.Epochs = 3
	c.Probe.Every = 1
	return c
}

// TestWithoutLabels trains on a flat folder of pictures: there is a verdict on collapse and no probe.
func TestWithoutLabels(t *testing.T) {
	pics := t.TempDir()
	pictures(t, pics, 50, func(i int) string { return fmt.Sprintf("%02d.png", i) })
	dir := filepath.Join(t.TempDir(), "run")
	result, err := conduct(context.Background(), dir, folderConfig(pics), 2, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Probes) != 0 || result.Collapse.Verdict == "" || len(result.Collapse.Evidence) == 0 || result.Spectrum == nil || result.Spectrum.N != 50 {
		t.Errorf("probes %v, verdict %+v, spectrum %+v", result.Probes, result.Collapse, result.Spectrum)
	}
	if result.Steps != 3*(50/patternBatch) {
		t.Errorf("%d steps", result.Steps)
	}
	traceOf(t, dir) // result, metrics and checkpoints are there
}

// TestCorruptPicture trains on classes of JPEGs of which one is cut short.
func TestCorruptPicture(t *testing.T) {
	pics := t.TempDir()
	pictures(t, pics, 80, func(i int) string { return fmt.Sprintf("kind%d/%02d.jpg", i%patternKinds, i) })
	bad := filepath.Join(pics, "kind1", "41.jpg")
	whole, err := os.ReadFile(bad)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, bad, whole[:len(whole)/2])
	train := func(t *testing.T, onCorrupt string) (run.Result, *data.Splits, error) {
		pool := kernel.NewPool(2)
		defer pool.Close()
		c := folderConfig(pics)
		c.Data.OnCorrupt = onCorrupt
		j, err := smallJob(c, pool)
		if err != nil {
			t.Fatal(err)
		}
		result, err := conductJob(context.Background(), filepath.Join(t.TempDir(), "run"), j)
		return result, j.Data, err
	}
	t.Run("fail", func(t *testing.T) {
		_, _, err := train(t, data.FailOnCorrupt)
		if fault.CodeOf(err) != fault.Data || !strings.Contains(err.Error(), bad) || !strings.Contains(fault.HintOf(err), "skip") {
			t.Errorf("error %v of code %d, hint %q", err, fault.CodeOf(err), fault.HintOf(err))
		}
	})
	t.Run("skip", func(t *testing.T) {
		result, splits, err := train(t, data.SkipCorrupt)
		if err != nil {
			t.Fatal(err)
		}
		if skipped := splits.Skipped(); len(skipped) != 1 || skipped[0].Path != bad {
			t.Errorf("skipped %v", skipped)
		}
		if len(result.Probes) == 0 || result.Collapse.Verdict == "" {
			t.Errorf("probes %v, verdict %q", result.Probes, result.Collapse.Verdict)
		}
	})
}

// fullAfter is the step after which the child's disk is full: behind a checkpoint.
const fullAfter = 10

// fullChild trains in a process that can no longer write a checkpoint from some step on, by the limit that `ulimit -f` sets,
// and that then may be stopped too.
func fullChild(stop bool) error {
	signal.Ignore(syscall.SIGXFSZ) // so that write gives EFBIG
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var limitErr error
	_, err := conduct(ctx, os.Getenv(childDirEnv), small(os.Getenv(childMethodEnv), os.Getenv(childDataEnv)), 2, func(e Event) {
		if s, ok := e.(StepEvent); !ok || s.Step != fullAfter {
			return
		}
		limitErr = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 20_000, Max: 20_000})
		if stop {
			cancel()
		}
	})
	if limitErr != nil {
		return limitErr
	}
	return err
}

// TestDiskFull lets the disk be full when a checkpoint is due, or when a run is stopped and would save its state. The error
// must say so, the checkpoint before be whole, and the run go on to its right end once there is room.
func TestDiskFull(t *testing.T) {
	const methodName = "vicreg"
	dataDir, want := straight(t, methodName)
	for _, what := range []string{"full", "full and stopped"} {
		t.Run(what, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "run")
			cmd := childCommand(t, what, methodName, dataDir, dir)
			out, err := cmd.CombinedOutput()
			if err == nil || cmd.ProcessState.ExitCode() != int(fault.Data) || !strings.Contains(string(out), "no space left") || !strings.Contains(string(out), "step-8 is kept") {
				t.Fatalf("%v: %s", err, out)
			}
			f, err := run.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if last, err := f.LoadLast(); err != nil || last.Step != 8 || len(last.Skipped) > 0 {
				t.Errorf("left is %+v, %v", last, err)
			}
			if s, reason, err := f.Status(); s != run.Failed || !strings.Contains(reason, "no space left") || err != nil {
				t.Errorf("status %s %q, %v", s, reason, err)
			}
			if _, err := conduct(context.Background(), dir, small(methodName, dataDir), 2, nil); err != nil {
				t.Fatal(err)
			}
			demandSame(t, want, traceOf(t, dir))
		})
	}
}
