package train

import (
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/sdk/method"
)

// The data set of the tests: grey images of four kinds of pattern, at random places, sizes and angles.
const (
	patternTrain = 160
	patternTest  = 40
	patternKinds = 4
	patternSize  = 28
)

// writePatterns writes the data set as IDX files.
func writePatterns(t *testing.T, dir string) {
	t.Helper()
	for i, split := range []struct {
		name string
		n    int
	}{{"train", patternTrain}, {"t10k", patternTest}} {
		r := rand.New(rand.NewPCG(3, uint64(i)))
		var pixels, labels []byte
		for j := range split.n {
			labels = append(labels, byte(j%patternKinds))
			pixels = append(pixels, pattern(r, j%patternKinds)...)
		}
		writeIDX(t, filepath.Join(dir, split.name+"-images-idx3-ubyte"), pixels, split.n, patternSize, patternSize)
		writeIDX(t, filepath.Join(dir, split.name+"-labels-idx1-ubyte"), labels, split.n)
	}
}

// pattern draws stripes, a disc, a ring or a chequerboard, with noise.
func pattern(r *rand.Rand, kind int) []byte {
	x0, y0 := 10+8*r.Float64(), 10+8*r.Float64()
	size, angle := 5+4*r.Float64(), math.Pi*r.Float64()
	out := make([]byte, 0, patternSize*patternSize)
	for y := range patternSize {
		for x := range patternSize {
			dx, dy := float64(x)-x0, float64(y)-y0
			u, v := dx*math.Cos(angle)+dy*math.Sin(angle), dy*math.Cos(angle)-dx*math.Sin(angle)
			inside := false
			switch kind {
			case 0:
				inside = math.Sin(u*6/size) > 0
			case 1:
				inside = math.Hypot(dx, dy) < size
			case 2:
				inside = math.Abs(math.Hypot(dx, dy)-size) < 2
			case 3:
				inside = math.Sin(u*6/size)*math.Sin(v*6/size) > 0
			}
			level := 40 + 30*r.Float64()
			if inside {
				level += 150
			}
			out = append(out, byte(level))
		}
	}
	return out
}

func writeIDX(t *testing.T, path string, content []byte, dims ...int) {
	t.Helper()
	b := []byte{0, 0, 8, byte(len(dims))} // unsigned bytes
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	writeFile(t, path, append(b, content...))
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// patternSteps is the length of the tests' runs: eight epochs.
const patternSteps = 8 * patternTrain / patternBatch

const patternBatch = 16

// small is a configuration that trains on the patterns of a folder in a second: a network of a few thousand weights, with a
// target branch where the method has one, probes while training, and a checkpoint every few steps.
func small(methodName, dataDir string) config.Config {
	c := config.Default()
	c.Method = methodName
	c.Data.Name, c.Data.Dir = "mnist", dataDir
	c.Backbone.Widths = []int{4, 6, 8}
	c.Train.Batch, c.Train.Epochs, c.Train.Seed, c.Train.Precision = patternBatch, 8, 5, "fp32"
	c.Probe.Every, c.Probe.K, c.Probe.Few = 3, 5, 0
	c.Collapse.Every = 7
	c.Checkpoint.EverySteps, c.Checkpoint.EveryMinutes = 4, 0
	return c
}

// smallJob makes everything that a configuration asks for but the run folder.
func smallJob(c config.Config, pool *kernel.Pool) (Job, error) {
	shapes := method.Shapes{Batch: c.Train.Batch, Views: len(c.Augment.Views)}
	full, err := method.Trace(shippedMethods[c.Method], nil, shapes)
	if err != nil {
		return Job{}, err
	}
	// The same method with heads of a few units.
	narrow := func(h method.Head) method.Head {
		var out method.Head
		for _, l := range h {
			l.Width = 12
			out = append(out, l)
		}
		return out
	}
	shapes.Embedding = 12
	traced, err := method.Trace(shippedMethods[c.Method], nil, shapes)
	if err != nil {
		return Job{}, err
	}
	traced.Recipe.Projector = narrow(full.Recipe.Projector)
	if p := full.Recipe.Predictor; p != nil {
		head := narrow(*p)
		traced.Recipe.Predictor = &head
	}
	backbone, err := backbones.New(c.Backbone.Name, backbones.Options{Widths: c.Backbone.Widths, Pool: c.Backbone.Pool})
	if err != nil {
		return Job{}, err
	}
	splits, err := data.Open(context.Background(), data.Options{Name: c.Data.Name, Dir: c.Data.Dir, OnCorrupt: c.Data.OnCorrupt, Size: c.Data.Size})
	if err != nil {
		return Job{}, err
	}
	return Job{Config: c, Backbone: backbone, Method: traced, Data: splits, Device: cpu.New(pool), Pool: pool, Log: zap.NewNop()}, nil
}

// openRun makes a run folder or, where there is one, opens it to resume.
func openRun(dir string, c config.Config) (folder *run.Run, resume bool, err error) {
	if _, err := run.Open(dir); err == nil {
		folder, err = run.Resume(dir, nil)
		return folder, true, err
	}
	text, err := c.Marshal()
	if err != nil {
		return nil, false, err
	}
	folder, err = run.Create(run.Options{Dir: dir, Config: text, Provenance: run.Provenance{Method: run.Plugin{Name: c.Method}, ConfigHash: c.Hash()}})
	return folder, false, err
}

// conduct begins or resumes a run in a folder, on so many threads and loader workers.
func conduct(ctx context.Context, dir string, c config.Config, threads int, observe func(Event)) (run.Result, error) {
	pool := kernel.NewPool(threads)
	defer pool.Close()
	c.Train.Workers, c.Threads = threads, threads
	j, err := smallJob(c, pool)
	if err != nil {
		return run.Result{}, err
	}
	j.Observe = observe
	return conductJob(ctx, dir, j)
}

func conductJob(ctx context.Context, dir string, j Job) (run.Result, error) {
	folder, resume, err := openRun(dir, j.Config)
	if err != nil {
		return run.Result{}, err
	}
	j.Folder = folder
	result, err := Run(ctx, j, resume)
	status, reason := run.Done, ""
	if err != nil {
		status, reason = run.Failed, err.Error()
	}
	if closeErr := folder.Close(status, reason); err == nil {
		err = closeErr
	}
	return result, err
}

// trace is what two runs of one configuration must have in common, to the byte.
type trace struct {
	metrics    string // metrics.jsonl without what depends on the clock
	checkpoint string // the last one's file
	best       string // which checkpoint is the best
	probes     []run.ProbeResult
	collapse   run.Collapse
	plane      run.Map
}

func traceOf(t *testing.T, dir string) trace {
	t.Helper()
	f, err := run.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	records, err := f.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	var metrics strings.Builder
	for _, r := range records {
		r.Time = nil
		line, err := r.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		metrics.Write(append(line, '\n'))
	}
	last, err := os.ReadFile(filepath.Join(dir, "checkpoints", "last.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	best, err := os.Readlink(filepath.Join(dir, "checkpoints", "best.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	result, err := f.Result()
	if err != nil {
		t.Fatal(err)
	}
	plane, err := f.Map()
	if err != nil {
		t.Fatal(err)
	}
	return trace{metrics.String(), string(last), best, result.Probes, result.Collapse, plane}
}
