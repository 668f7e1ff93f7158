package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/compare"
	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/fault"
)

func (a *app) compareCommand() *cobra.Command {
	f := newStudyFlags(false)
	var methods string
	c := &cobra.Command{
		Use:   "compare",
		Short: "Compare methods on the same data with several seeds",
		Long: "Runs each method with its own preset on the same data, network and length, seed by seed, and prints accuracies with\n" +
			"95 % intervals, verdicts on collapse and paired tests against the first method. Runs of one seed see the same images\n" +
			"in the same order with the same augmentation draws.\n\n" +
			"Finished runs of the same configuration and program are reused and interrupted ones continued: after Ctrl-C, repeat the command.",
		Example: "  sslctl compare --methods vicreg,byol,simsiam,barlowtwins --seeds 5 --data fashion-mnist\n" +
			"  sslctl compare --methods vicreg,byol --data cifar10 --epochs 20 --out compare.html --out compare.md\n" +
			"  sslctl compare --methods vicreg,byol --data mnist --set vicreg.nu=2     # for vicreg alone",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if methods == "" {
				return fault.New(fault.Usage, "write --methods vicreg,byol; sslctl method list shows them", "no methods are named")
			}
			return a.study(cmd, f, func(ctx context.Context, resolve compare.Resolve, l config.Layers) (compare.Study, error) {
				return compare.Methods(ctx, resolve, l, strings.Split(methods, ","))
			}, compare.NewReport)
		},
	}
	f.register(a, c, 3, "runs of each method, with seeds from --seed on")
	c.Flags().StringVar(&methods, "methods", "", "`METHODS` to compare; the first is the one that the others are tested against (required)")
	return c
}
