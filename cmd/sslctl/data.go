package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/data"
)

func (a *app) dataCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "data",
		Short: "List, fetch, inspect and pack data sets",
		Long: "Data sets are known by name, or are folders of images or packs of them. They are looked for in --data-dir, $SSLCTL_DATA_DIR,\n" +
			"$XDG_DATA_HOME/sslctl and /usr/share/datasets, in this order.",
		Example: "  sslctl data list\n  sslctl data fetch fashion-mnist\n  sslctl data info ./photos\n  sslctl data pack ./photos --out photos.pack",
	}, a.dataListCommand(), a.dataFetchCommand(), a.dataInfoCommand(), a.dataPackCommand())
}

// datasetJSON is a data set for programs.
type datasetJSON struct {
	Name     string    `json:"name"`
	Title    string    `json:"title"`
	Source   string    `json:"source"`
	Train    int       `json:"train"`
	Test     int       `json:"test"`
	Classes  []string  `json:"classes"`
	Channels int       `json:"channels"`
	Size     int       `json:"size"`
	Mean     []float32 `json:"mean"`
	Std      []float32 `json:"std"`
	Bytes    int64     `json:"bytes"`
	Present  bool      `json:"present"`
	Dir      string    `json:"dir,omitempty"`
	Digest   string    `json:"digest"`
	Official bool      `json:"official"`
}

// forJSON is an Info with lists in place of nothing.
func forJSON(i data.Info) datasetJSON {
	j := datasetJSON(i)
	if j.Classes == nil {
		j.Classes = []string{}
	}
	return j
}

func (a *app) dataListCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the data sets that are known by name, and where they are",
		Long:    "Lists the data sets that are known by name, and where they are on this machine.",
		Example: "  sslctl data list\n  sslctl data list --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			all := []datasetJSON{}
			t := newTable("name", "train", "test", "classes", "image", "download", "where")
			for _, i := range data.List(dir) {
				all = append(all, forJSON(i))
				where := i.Dir
				if !i.Present {
					where = "sslctl data fetch " + i.Name
				}
				t.AppendRow(table.Row{i.Name, i.Train, i.Test, len(i.Classes), fmt.Sprintf("%d × %d × %d", i.Size, i.Size, i.Channels), amount(i.Bytes), where})
			}
			if a.json {
				return a.printJSON(all)
			}
			return a.print(render(t))
		},
	}
	dataDirFlag(c, &dir)
	return c
}

// dataDirFlag is --data-dir.
func dataDirFlag(c *cobra.Command, dir *string) {
	c.Flags().StringVar(dir, "data-dir", "", "`FOLDER` of data sets (default $SSLCTL_DATA_DIR, or sslctl in the user's data folder)")
	complete(c, "data-dir", completeFolders)
}

func (a *app) dataFetchCommand() *cobra.Command {
	var dir, mirror string
	c := &cobra.Command{
		Use:   "fetch NAME",
		Short: "Download a data set, or complete one",
		Long: "Downloads a data set, checks it against the published SHA-256 and puts it where run finds it. What is there and right stays;\n" +
			"a download that was cut off goes on where it ended.",
		Example: "  sslctl data fetch fashion-mnist\n" +
			"  sslctl data fetch cifar10 --data-dir /scratch/data\n" +
			"  sslctl data fetch cifar10 --mirror https://example.org/data        # has cifar10/cifar-10-binary.tar.gz below it",
		Args:              oneArg("a data set; sslctl data list shows them"),
		ValidArgsFunction: first(completeData),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.fetch(cmd.Context(), args[0], dir, mirror) },
	}
	dataDirFlag(c, &dir)
	c.Flags().StringVar(&mirror, "mirror", "", "base `ADDRESS` of a mirror (default $SSLCTL_MIRROR, or where the data set is published)")
	return c
}

func (a *app) fetch(ctx context.Context, name, dir, mirror string) error {
	shown := a.downloads()
	info, err := data.Fetch(ctx, name, dir, data.FetchOptions{Mirror: mirror, Progress: shown.observe})
	shown.close()
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(forJSON(info))
	}
	return a.print(fmt.Sprintf("%s: %d training and %d test images in %s\n", info.Name, info.Train, info.Test, info.Dir))
}

// amount is a size in words, by powers of 1000.
func amount(n int64) string {
	v, unit := float64(n), "B"
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if v < 1000 {
			break
		}
		v, unit = v/1000, next
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.3g %s", v, unit)
}

// some lists a few names and the number of the others.
func some(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}
