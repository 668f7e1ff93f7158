package main

import (
	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/compare"
)

func (a *app) sweepCommand() *cobra.Command {
	f := newStudyFlags(true)
	c := &cobra.Command{
		Use:   "sweep",
		Short: "Run every combination of several values of a setting",
		Long: "Runs a method with every combination of the values that --set gives to keys, and prints a row for each, tested against\n" +
			"the first. A --set with one value is shared by all. Lists stand in brackets: --set widths=[32,64,128],[64,128,256].\n\n" +
			"Finished runs of the same configuration are reused and interrupted ones continued.",
		Example: "  sslctl sweep --method vicreg --data fashion-mnist --set lr=0.001,0.002 --set nu=1,5\n" +
			"  sslctl sweep --method byol --data mnist --set tau=0.9,0.99,0.999 --seeds 3 --format markdown",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.study(cmd, f, compare.Sweep, compare.NewReport)
		},
	}
	f.register(a, c, 1, "runs of each combination, with seeds from --seed on")
	return c
}
