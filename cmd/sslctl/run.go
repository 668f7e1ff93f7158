package main

import (
	"context"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/experiment"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/session"
)

func (a *app) runCommand() *cobra.Command {
	var l layerFlags
	var resume, out string
	var d demands
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
			"  sslctl run --resume runs/latest\n" +
			"  sslctl run --method vicreg --data ./photos --fail-if collapsed --fail-if 'knn<60'",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if resume != "" {
				if given := l.given(cmd, "out"); given != "" {
					return fault.New(fault.Usage, "leave --"+given+" out, or begin a new run with --config "+resume+"/config.yaml",
						"--resume continues a run as it was configured, so --%s cannot be given", given)
				}
				return a.resume(cmd.Context(), resume, d)
			}
			layers, err := l.layers(cmd, a.env)
			if err != nil {
				return err
			}
			return a.train(cmd.Context(), layers, out, d)
		},
	}
	l.register(a, c)
	c.Flags().StringVar(&resume, "resume", "", "continue the run in this `FOLDER`")
	c.Flags().StringVar(&out, "out", "", "`FOLDER` of the run (default runs/DATE-TIME-METHOD-HASH)")
	d.register(c.Flags())
	complete(c, "resume", a.completeRuns)
	return c
}

// train begins a new run.
func (a *app) train(ctx context.Context, l config.Layers, out string, d demands) error {
	log := a.logger()
	s, closeSession := a.session(log)
	defer closeSession()
	resolved, err := s.Resolve(ctx, l)
	if err != nil {
		return err
	}
	c := (&chooser{log: log}).choose(resolved.Config())
	a.settle(c)
	return a.conduct(s, log, d, func(o experiment.Options) (finished, error) {
		o.Dir = out
		r, f, err := experiment.Start(ctx, c, o)
		return finished{r, f}, err
	})
}

// resume continues a run with what its folder holds.
func (a *app) resume(ctx context.Context, dir string, d demands) error {
	return a.conduct(nil, a.logger(), d, func(o experiment.Options) (finished, error) {
		r, f, err := experiment.Continue(ctx, dir, o)
		return finished{r, f}, err
	})
}

// conduct shows progress while something is conducted, and the result after it, which is then held to what is demanded.
func (a *app) conduct(s *session.Session, log *zap.Logger, d demands, what func(experiment.Options) (finished, error)) error {
	p := a.progress()
	done, err := what(experiment.Options{Session: s, Log: log, Observe: p.observe, Version: version()})
	p.close(err)
	if err != nil {
		return err
	}
	if err := a.show(done); err != nil {
		return err
	}
	return d.check(done.result)
}
