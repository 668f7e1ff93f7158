package main

import (
	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/experiment"
)

func (a *app) evalCommand() *cobra.Command {
	var d demands
	c := &cobra.Command{
		Use:   "eval RUN",
		Short: "Probe a run's newest checkpoint again",
		Long: "Extracts features with the weights of a run's newest checkpoint and repeats its probes and the verdict on collapse.\n" +
			"No plugin is needed, since the run folder holds the traced objective; nothing in the folder changes.",
		Example:           "  sslctl eval runs/latest\n  sslctl eval runs/latest --json\n  sslctl eval runs/latest --fail-if 'linear<85'",
		Args:              oneArg("a run folder, such as runs/latest"),
		ValidArgsFunction: first(a.completeRuns),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.conduct(nil, a.logger(), d, func(o experiment.Options) (finished, error) {
				r, f, err := experiment.Evaluate(cmd.Context(), args[0], o)
				return finished{r, f}, err
			})
		},
	}
	d.register(c.Flags())
	return c
}
