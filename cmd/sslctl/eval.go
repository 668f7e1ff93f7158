package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/fault"
	runfolder "github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/session"
	"github.com/sslctl/sslctl/core/train"
)

func (a *app) evalCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "eval RUN",
		Short: "Probe a run's newest checkpoint again",
		Long: "Extracts features with the weights of a run's newest checkpoint and repeats its probes and the verdict on collapse.\n" +
			"No plugin is needed, since the run folder holds the traced objective; nothing in the folder changes.",
		Example: "  sslctl eval runs/latest\n  sslctl eval runs/latest --json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fault.New(fault.Usage, "name a run folder, such as runs/latest", "eval takes one run, got %d", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.evaluate(cmd.Context(), args[0]) },
	}
}

func (a *app) evaluate(ctx context.Context, dir string) error {
	log := a.logger()
	folder, err := runfolder.Open(dir)
	if err != nil {
		return err
	}
	c, program, err := session.Restore(folder)
	if err != nil {
		return err
	}
	splits, err := session.Open(ctx, c, a.skipped(log))
	if err != nil {
		return err
	}
	job, closeJob, err := a.job(c, program, splits, nil, log)
	if err != nil {
		return err
	}
	defer closeJob()
	p := a.progress()
	job.Observe = p.observe
	result, err := train.Evaluate(ctx, job, folder)
	p.close()
	if err != nil {
		return err
	}
	return a.show(result, folder)
}
