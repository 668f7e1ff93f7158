package main

import (
	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/experiment"
)

func (a *app) evalCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "eval RUN",
		Short: "Probe a run's newest checkpoint again",
		Long: "Extracts features with the weights of a run's newest checkpoint and repeats its probes and the verdict on collapse.\n" +
			"No plugin is needed, since the run folder holds the traced objective; nothing in the folder changes.",
		Example:           "  sslctl eval runs/latest\n  sslctl eval runs/latest --json",
		Args:              oneArg("a run folder, such as runs/latest"),
		ValidArgsFunction: first(a.completeRuns),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.conduct(nil, a.logger(), func(o experiment.Options) (finished, error) {
				r, f, err := experiment.Evaluate(cmd.Context(), args[0], o)
				return finished{r, f}, err
			})
		},
	}
}
