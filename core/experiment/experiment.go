// Package experiment is one run from configuration to result: it traces the method, makes the run folder, trains on a
// device, writes the report and closes the folder with the right status.
//
// Most callers need [Start] or [Continue]. [Once] does what a comparison wants: it reuses a finished run of the same
// configuration, continues an interrupted one, and only otherwise starts.
package experiment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/report"
	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/session"
	"github.com/sslctl/sslctl/core/train"
	"github.com/sslctl/sslctl/sdk/wire"
)

// ReportFile is the page that a run ends with.
const ReportFile = "report.html"

// Options are what a run needs beside its configuration.
type Options struct {
	Session *session.Session
	Log     *zap.Logger
	Observe func(train.Event) // may be nil
	Version string            // of the program, for provenance
	Dir     string            // exact run folder; "": one in Config.Out
}

// Start begins a new run and conducts it to its end.
func Start(ctx context.Context, c config.Config, o Options) (run.Result, *run.Folder, error) {
	splits, err := session.Open(ctx, c, o.skipped)
	if err != nil {
		return run.Result{}, nil, err
	}
	program, err := o.Session.Trace(ctx, c)
	if err != nil {
		return run.Result{}, nil, err
	}
	folder, err := create(c, program, splits, o)
	if err != nil {
		return run.Result{}, nil, err
	}
	return o.conduct(ctx, c, program, splits, folder, false)
}

// Continue takes up the run in a folder with what the folder holds; no plugin is asked.
func Continue(ctx context.Context, dir string, o Options) (run.Result, *run.Folder, error) {
	folder, err := run.Resume(dir, nil)
	if err != nil {
		return run.Result{}, nil, err
	}
	c, program, splits, err := o.restore(ctx, folder.Folder)
	if err != nil {
		return run.Result{}, nil, errors.Join(err, folder.Close(run.Failed, err.Error()))
	}
	step := 0
	if last, err := folder.LoadLast(); err == nil {
		step = last.Step
	}
	provenance := run.Observe(o.Version, time.Now())
	provenance.Machine.Threads, provenance.Machine.Device = threads(c), c.Device
	if err := folder.RecordResume(step, provenance); err != nil {
		return run.Result{}, nil, errors.Join(err, folder.Close(run.Failed, err.Error()))
	}
	return o.conduct(ctx, c, program, splits, folder, true)
}

// Evaluate judges a run's newest checkpoint anew. Nothing is written.
func Evaluate(ctx context.Context, dir string, o Options) (run.Result, *run.Folder, error) {
	folder, err := run.Open(dir)
	if err != nil {
		return run.Result{}, nil, err
	}
	c, program, splits, err := o.restore(ctx, folder)
	if err != nil {
		return run.Result{}, nil, err
	}
	job, done, err := o.job(c, program, splits, nil)
	if err != nil {
		return run.Result{}, nil, err
	}
	defer done()
	result, err := train.Evaluate(ctx, job, folder)
	return result, folder, err
}

func (o Options) restore(ctx context.Context, f *run.Folder) (config.Config, *session.Program, *data.Splits, error) {
	c, program, err := session.Restore(f)
	if err != nil {
		return c, nil, nil, err
	}
	splits, err := session.Open(ctx, c, o.skipped)
	return c, program, splits, err
}

func (o Options) skipped(s data.Skip) {
	o.Log.Warn("a corrupt image is skipped", zap.String("file", s.Path), zap.Error(s.Err))
}

// create makes the run folder.
func create(c config.Config, p *session.Program, s *data.Splits, o Options) (*run.Run, error) {
	text, err := c.Marshal()
	if err != nil {
		return nil, err
	}
	encoded, err := wire.MarshalTraced(p.Traced)
	if err != nil {
		return nil, err
	}
	provenance := run.Observe(o.Version, time.Now())
	provenance.ConfigHash, provenance.Seed = c.Hash(), c.Train.Seed
	provenance.ProgramHash = run.Hash(encoded)
	provenance.Method = run.Plugin{Name: c.Method, Title: p.Title, Version: p.Plugin.Version, Protocol: p.Plugin.Protocol, SHA256: p.Plugin.SHA256, Path: p.Plugin.Path}
	provenance.Dataset = run.Dataset{Name: c.Data.Name, Digest: s.Digest}
	provenance.Machine.Threads, provenance.Machine.Device = threads(c), c.Device
	return run.Create(run.Options{Root: c.Out, Dir: o.Dir, Config: text, Program: encoded, ProgramText: []byte(p.Text()), Provenance: provenance})
}

// conduct trains, writes the report and closes the folder with the right status.
func (o Options) conduct(ctx context.Context, c config.Config, p *session.Program, s *data.Splits, folder *run.Run, resume bool) (run.Result, *run.Folder, error) {
	o.Log = run.LogInto(o.Log, folder.Log())
	result, err := o.train(ctx, c, p, s, folder, resume)
	if err == nil {
		err = writeReport(folder)
	}
	return result, folder.Folder, errors.Join(err, folder.Close(outcome(err)))
}

func (o Options) train(ctx context.Context, c config.Config, p *session.Program, s *data.Splits, folder *run.Run, resume bool) (run.Result, error) {
	job, done, err := o.job(c, p, s, folder)
	if err != nil {
		return run.Result{}, err
	}
	defer done()
	return train.Run(ctx, job, resume)
}

// outcome is the status that an error leaves, and its reason.
func outcome(err error) (run.Status, string) {
	switch {
	case err == nil:
		return run.Done, ""
	case errors.Is(err, context.Canceled) || fault.CodeOf(err) == fault.Interrupted:
		return run.Interrupted, err.Error()
	}
	return run.Failed, err.Error()
}

// writeReport renders the page of a finished run into its folder.
func writeReport(folder *run.Run) error {
	r, err := report.Load(folder.Dir())
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := report.Render(&page, []report.Run{r}); err != nil {
		return err
	}
	return folder.WriteFile(ReportFile, page.Bytes())
}

// job chooses backbone and device; done frees them.
func (o Options) job(c config.Config, p *session.Program, s *data.Splits, folder *run.Run) (j train.Job, done func(), err error) {
	backbone, err := session.Backbone(c)
	if err != nil {
		return j, nil, err
	}
	pool, err := NewPool(c)
	if err != nil {
		return j, nil, err
	}
	device, err := deviceOf(c.Device, pool)
	if err != nil {
		pool.Close()
		return j, nil, err
	}
	j = train.Job{Config: c, Backbone: backbone, Method: p.Method, Regularisers: p.Penalties(), Data: s, Device: device, Pool: pool,
		Folder: folder, Log: o.Log, Observe: o.Observe}
	return j, func() { device.Close(); pool.Close() }, nil
}

// threads is the number of CPU threads that a configuration asks for.
func threads(c config.Config) int {
	if c.Threads == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return c.Threads
}

// NewPool makes the workers of the CPU kernels.
func NewPool(c config.Config) (*kernel.Pool, error) {
	if c.CPUISA == "auto" {
		return kernel.NewPool(threads(c)), nil
	}
	for _, isa := range kernel.ISAs() {
		if isa.String() == c.CPUISA {
			return kernel.NewPool(threads(c), kernel.WithISA(isa)), nil
		}
	}
	return nil, fault.New(fault.Device, fmt.Sprintf("this CPU has %v", kernel.ISAs()), "the CPU lacks the instruction set %q", c.CPUISA)
}

func deviceOf(name string, pool *kernel.Pool) (engine.Device, error) {
	switch name {
	case "cpu":
		return cpu.New(pool), nil
	case "tapemachine":
		return tape.Device{}, nil
	}
	return nil, fault.New(fault.Device, "use --device cpu", "this version of sslctl has no device %q", name)
}
