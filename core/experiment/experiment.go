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
	"time"

	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/core/report"
	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/session"
	"github.com/sslctl/sslctl/core/train"
	"github.com/sslctl/sslctl/sdk/expr"
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

// Start begins a new run and conducts it to its end. What can be refused is refused before the folder is made.
func Start(ctx context.Context, c config.Config, o Options) (run.Result, *run.Folder, error) {
	m, err := o.openMachine(c)
	if err != nil {
		return run.Result{}, nil, err
	}
	defer o.closeMachine(m)
	splits, err := session.Open(ctx, c, o.skipped)
	if err != nil {
		return run.Result{}, nil, err
	}
	program, err := o.Session.Trace(ctx, c, session.Images(c, splits))
	if err != nil {
		return run.Result{}, nil, err
	}
	job, err := o.job(c, program, splits, m)
	if err != nil {
		return run.Result{}, nil, err
	}
	disconnect, err := o.connect(ctx, c, program)
	if err != nil {
		return run.Result{}, nil, err
	}
	defer disconnect()
	folder, err := create(job, program, o)
	if err != nil {
		return run.Result{}, nil, err
	}
	return o.conduct(ctx, job, folder, false)
}

// connect starts the plugins of a program's custom ops.
func (o Options) connect(ctx context.Context, c config.Config, p *session.Program) (disconnect func(), err error) {
	network, err := p.Network(c)
	if err != nil {
		return nil, err
	}
	return o.Session.Connect(ctx, c, p, session.Shapes(c, network))
}

// Continue takes up the run in a folder with what the folder holds. No plugin is asked, but for one that computes custom
// ops, which must be the one that began the run.
func Continue(ctx context.Context, dir string, o Options) (run.Result, *run.Folder, error) {
	folder, err := run.Resume(dir, nil)
	if err != nil {
		return run.Result{}, nil, err
	}
	job, program, done, err := o.restore(ctx, folder.Folder)
	if err != nil {
		return run.Result{}, nil, errors.Join(err, folder.Close(outcome(err)))
	}
	defer done()
	disconnect, err := o.connect(ctx, job.Config, program)
	if err != nil {
		return run.Result{}, nil, errors.Join(err, folder.Close(outcome(err)))
	}
	defer disconnect()
	if err := o.recordResume(folder, job); err != nil {
		return run.Result{}, nil, errors.Join(err, folder.Close(outcome(err)))
	}
	return o.conduct(ctx, job, folder, true)
}

// recordResume adds this process to the run's provenance.
func (o Options) recordResume(folder *run.Run, j train.Job) error {
	step := 0
	if last, err := folder.LoadLast(); err == nil {
		step = last.Step
	}
	p := run.Observe(o.Version, time.Now())
	used(&p.Machine, j)
	return folder.RecordResume(step, p)
}

// Evaluate judges a run's newest checkpoint anew. Nothing is written.
func Evaluate(ctx context.Context, dir string, o Options) (run.Result, *run.Folder, error) {
	folder, err := run.Open(dir)
	if err != nil {
		return run.Result{}, nil, err
	}
	job, _, done, err := o.restore(ctx, folder)
	if err != nil {
		return run.Result{}, nil, err
	}
	defer done()
	result, err := train.Evaluate(ctx, job, folder)
	return result, folder, err
}

// restore makes the job of a run folder anew; done frees its machine.
func (o Options) restore(ctx context.Context, f *run.Folder) (j train.Job, program *session.Program, done func(), err error) {
	c, program, err := session.Restore(f)
	if err != nil {
		return j, nil, nil, err
	}
	m, err := o.openMachine(c)
	if err != nil {
		return j, nil, nil, err
	}
	splits, err := session.Open(ctx, c, o.skipped)
	if err == nil {
		j, err = o.job(c, program, splits, m)
	}
	if err != nil {
		m.Close()
		return j, nil, nil, err
	}
	return j, program, func() { o.closeMachine(m) }, nil
}

// openMachine says what makes the device slower than it could be.
func (o Options) openMachine(c config.Config) (Machine, error) {
	m, err := OpenMachine(c)
	if err != nil {
		return Machine{}, err
	}
	if m.Products != "" {
		o.Log.Info("products are " + m.Products)
	}
	for _, note := range m.Notes() {
		o.Log.Warn("training is slower without a library", zap.Error(note))
		m.told++
	}
	return m, nil
}

// closeMachine says what else made the device slower, which it knows since it has met the plans.
func (o Options) closeMachine(m Machine) {
	for _, note := range m.Notes()[m.told:] {
		o.Log.Warn("training was slower than it could be", zap.Error(note))
	}
	m.Close()
}

func (o Options) skipped(s data.Skip) {
	o.Log.Warn("a corrupt image is skipped", zap.String("file", s.Path), zap.Error(s.Err))
}

// create makes the run folder.
func create(j train.Job, p *session.Program, o Options) (*run.Run, error) {
	c := j.Config
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
	provenance.Method = plugin(p.Plugin, p.Method.Program)
	provenance.Method.Title = p.Title
	for i, r := range p.Penalisers {
		provenance.Regularisers = append(provenance.Regularisers, plugin(r, p.Regularisers[i].Program))
	}
	if p.Backbone != nil {
		backbone := plugin(p.BackbonePlugin, p.Backbone.Two)
		provenance.Backbone = &backbone
	}
	provenance.Dataset = run.Dataset{Name: c.Data.Name, Digest: j.Data.Digest}
	used(&provenance.Machine, j)
	return run.Create(run.Options{Root: c.Out, Dir: o.Dir, Config: text, Program: encoded, ProgramText: []byte(p.Text()), Provenance: provenance})
}

func plugin(p host.Provenance, program *expr.Program) run.Plugin {
	return run.Plugin{Name: p.Name, Version: p.Version, Protocol: p.Protocol, SHA256: p.SHA256, Path: p.Path, CustomOps: program.CustomOps()}
}

// conduct trains, writes the report and closes the folder with the right status.
func (o Options) conduct(ctx context.Context, j train.Job, folder *run.Run, resume bool) (run.Result, *run.Folder, error) {
	j.Folder, j.Log = folder, run.LogInto(o.Log, folder.Log())
	result, err := train.Run(ctx, j, resume)
	if err == nil {
		err = writeReport(folder)
	}
	return result, folder.Folder, errors.Join(err, folder.Close(outcome(err)))
}

// outcome is the status that an error leaves, and its reason.
func outcome(err error) (run.Status, string) {
	switch {
	case err == nil:
		return run.Done, ""
	case errors.Is(err, context.Canceled) || fault.CodeOf(err) == fault.Interrupted:
		return run.Interrupted, err.Error()
	case fault.CodeOf(err) == fault.Diverged:
		return run.Diverged, err.Error()
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

// job is what the trainer is given, without a folder.
func (o Options) job(c config.Config, p *session.Program, s *data.Splits, m Machine) (train.Job, error) {
	network, err := p.Network(c)
	return train.Job{Config: c, Backbone: network, Method: p.Method, Regularisers: p.Penalties(), Data: s, Device: m.Device, Pool: m.Pool,
		Log: o.Log, Observe: m.meter.observed(o.Observe)}, err
}
