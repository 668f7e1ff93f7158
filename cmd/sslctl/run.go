package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/engine/tape"
	"github.com/sslctl/sslctl/core/fault"
	runfolder "github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/session"
	"github.com/sslctl/sslctl/core/train"
	"github.com/sslctl/sslctl/sdk/wire"
)

func (a *app) runCommand() *cobra.Command {
	var l layerFlags
	var resume, out string
	c := &cobra.Command{
		Use:   "run",
		Short: "Train a method, then probe what it learned",
		Long: "Trains a method on a data set and judges the representation beside an untrained network and raw pixels.\n" +
			"Everything about the run - configuration, traced objective, metrics, checkpoints, report - goes into one folder.\n" +
			"Ctrl-C saves the state; --resume continues to the same bits as a run that was never stopped.",
		Example: "  sslctl run --method vicreg --data fashion-mnist\n" +
			"  sslctl run --method vicreg --data ./photos --backbone resnet18 --set data.size=96 --epochs 100\n" +
			"  sslctl run --method byol --add-reg var,cov --data cifar10 --data-dir ~/cifar\n" +
			"  sslctl run --config runs/latest/config.yaml        # the same run again, to the bit\n" +
			"  sslctl run --resume runs/latest",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if resume != "" {
				return a.resume(cmd.Context(), resume)
			}
			layers, err := l.layers(cmd, a.env)
			if err != nil {
				return err
			}
			return a.train(cmd.Context(), layers, out)
		},
	}
	l.register(c)
	c.Flags().StringVar(&resume, "resume", "", "continue the run in this folder")
	c.Flags().StringVar(&out, "out", "", "folder of the run (default runs/DATE-TIME-METHOD-HASH)")
	c.MarkFlagsMutuallyExclusive("resume", "config")
	return c
}

// train begins a new run.
func (a *app) train(ctx context.Context, l config.Layers, out string) error {
	log := a.logger()
	s, closeSession := a.session(log)
	defer closeSession()
	resolved, err := s.Resolve(ctx, l)
	if err != nil {
		return err
	}
	c := resolved.Config()
	splits, err := session.Open(ctx, c, a.skipped(log))
	if err != nil {
		return err
	}
	program, err := s.Trace(ctx, c)
	if err != nil {
		return err
	}
	folder, err := create(c, program, splits, out)
	if err != nil {
		return err
	}
	return a.conduct(ctx, c, program, splits, folder, log, false)
}

// resume continues a run with what its folder holds; no plugin is asked.
func (a *app) resume(ctx context.Context, dir string) error {
	log := a.logger()
	folder, err := runfolder.Resume(dir, nil)
	if err != nil {
		return err
	}
	c, program, err := session.Restore(folder.Folder)
	if err != nil {
		return errors.Join(err, folder.Close(runfolder.Failed, err.Error()))
	}
	splits, err := session.Open(ctx, c, a.skipped(log))
	if err != nil {
		return errors.Join(err, folder.Close(runfolder.Failed, err.Error()))
	}
	return a.conduct(ctx, c, program, splits, folder, log, true)
}

func (a *app) skipped(log *zap.Logger) func(data.Skip) {
	return func(s data.Skip) {
		log.Warn("a corrupt image is skipped", zap.String("file", s.Path), zap.Error(s.Err))
	}
}

// create makes the run folder.
func create(c config.Config, p *session.Program, s *data.Splits, out string) (*runfolder.Run, error) {
	text, err := c.Marshal()
	if err != nil {
		return nil, err
	}
	encoded, err := wire.MarshalTraced(p.Traced)
	if err != nil {
		return nil, err
	}
	provenance := runfolder.Observe(version(), time.Now())
	provenance.ConfigHash, provenance.Seed = c.Hash(), c.Train.Seed
	provenance.ProgramHash = runfolder.Hash(encoded)
	provenance.Method = runfolder.Plugin{Name: c.Method, Version: p.Plugin.Version, Protocol: p.Plugin.Protocol, SHA256: p.Plugin.SHA256, Path: p.Plugin.Path}
	provenance.Dataset = runfolder.Dataset{Name: c.Data.Name, Digest: s.Digest}
	provenance.Machine.Threads, provenance.Machine.Device = c.Threads, c.Device
	return runfolder.Create(runfolder.Options{Root: c.Out, Dir: out, Config: text, Program: encoded, ProgramText: []byte(p.Text()), Provenance: provenance})
}

// conduct trains, closes the folder with the right status and shows the result.
func (a *app) conduct(ctx context.Context, c config.Config, p *session.Program, s *data.Splits, folder *runfolder.Run, log *zap.Logger, resume bool) error {
	log = runfolder.LogInto(log, folder.Log())
	job, closeJob, err := a.job(c, p, s, folder, log)
	if err != nil {
		return errors.Join(err, folder.Close(runfolder.Failed, err.Error()))
	}
	defer closeJob()
	shown := a.progress()
	job.Observe = shown.observe
	result, err := train.Run(ctx, job, resume)
	shown.close()
	if err == nil {
		err = writeReport(folder)
	}
	switch {
	case err == nil:
		err = folder.Close(runfolder.Done, "")
	case interrupted(err):
		return errors.Join(err, folder.Close(runfolder.Interrupted, err.Error()))
	default:
		return errors.Join(err, folder.Close(runfolder.Failed, err.Error()))
	}
	if err != nil {
		return err
	}
	return a.show(result, folder.Folder)
}

// job chooses the device.
func (a *app) job(c config.Config, p *session.Program, s *data.Splits, folder *runfolder.Run, log *zap.Logger) (train.Job, func(), error) {
	backbone, err := session.Backbone(c)
	if err != nil {
		return train.Job{}, nil, err
	}
	pool, err := newPool(c)
	if err != nil {
		return train.Job{}, nil, err
	}
	device, err := deviceOf(c.Device, pool)
	if err != nil {
		pool.Close()
		return train.Job{}, nil, err
	}
	return train.Job{Config: c, Backbone: backbone, Method: p.Method, Regularisers: p.Penalties(), Data: s, Device: device, Pool: pool, Folder: folder, Log: log},
		func() { device.Close(); pool.Close() }, nil
}

func newPool(c config.Config) (*kernel.Pool, error) {
	threads := c.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	if c.CPUISA == "auto" {
		return kernel.NewPool(threads), nil
	}
	for _, isa := range kernel.ISAs() {
		if isa.String() == c.CPUISA {
			return kernel.NewPool(threads, kernel.WithISA(isa)), nil
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
