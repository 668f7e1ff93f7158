package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/compare"
	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/fault"
)

func (a *app) ablateCommand() *cobra.Command {
	f := newStudyFlags(false)
	var list bool
	c := &cobra.Command{
		Use:   "ablate RECIPE",
		Short: "Reprint a paper's ablation table at small scale, beside the paper's figures",
		Long: "Runs every cell of an ablation with several seeds and the same budget, and prints what it came to beside the paper's\n" +
			"figure, with verdicts on collapse and paired tests. A recipe is a YAML file: one that is shipped, by its name, or your\n" +
			"own, by its path. Flags override the recipe's budget; what a cell sets they cannot change.\n\n" +
			"Finished runs of the same configuration are reused and interrupted ones continued.",
		Example: "  sslctl ablate --list\n" +
			"  sslctl ablate vicreg-table4 --seeds 3 --out table4.html --out table4.md --out table4.csv\n" +
			"  sslctl ablate vicreg-coefficients --data cifar10 --steps 500\n" +
			"  sslctl ablate ./mine.yaml",
		Args: func(_ *cobra.Command, args []string) error {
			if list == (len(args) == 0) && len(args) < 2 {
				return nil
			}
			return fault.New(fault.Usage, "sslctl ablate --list shows the recipes", "ablate takes one recipe, got %d", len(args))
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				return a.listRecipes()
			}
			recipe, err := compare.LoadRecipe(args[0])
			if err != nil {
				return err
			}
			return a.study(cmd, f, func(ctx context.Context, resolve compare.Resolve, l config.Layers) (compare.Study, error) {
				s, err := recipe.Study(ctx, resolve, l)
				s.Seeds = max(1, recipe.Seeds)
				return s, err
			}, recipe.Report)
		},
	}
	f.register(a, c, 0, "runs of each cell, with seeds from --seed on (default the recipe's)")
	c.Flags().BoolVar(&list, "list", false, "list the shipped recipes")
	return c
}

func (a *app) listRecipes() error {
	recipes, err := compare.Recipes()
	if err != nil {
		return err
	}
	if a.json {
		type entry struct {
			Name   string `json:"name"`
			Title  string `json:"title"`
			Source string `json:"source"`
			Cells  int    `json:"cells"`
			Seeds  int    `json:"seeds"`
		}
		out := make([]entry, len(recipes))
		for i, r := range recipes {
			out[i] = entry{r.Name, r.Title, r.Source, len(r.Rows) * len(r.Columns), r.Seeds}
		}
		return a.printJSON(out)
	}
	t := left(newTable("recipe", "cells", "title"), 3)
	for _, r := range recipes {
		t.AppendRow([]any{r.Name, strconv.Itoa(len(r.Rows)) + " x " + strconv.Itoa(len(r.Columns)), r.Title})
	}
	_, err = fmt.Fprint(a.stdout, render(t))
	return err
}
