package main

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/bench"
)

func (a *app) benchAugmentCommand() *cobra.Command {
	var o bench.AugmentOptions
	c := &cobra.Command{
		Use:   "augment",
		Short: "Time reading, decoding and augmenting images on one core",
		Long: "Makes one view of each image by VICReg's recipe, on one core, and shows images a second and the time of each step.\n" +
			"Without --data the images are random ones of 32 pixels in memory. JPEG files are decoded anew in each pass; a pack is not decoded.",
		Example: "  sslctl bench augment\n  sslctl bench augment --size 224 --data ./photos\n  sslctl bench augment --size 224 --data photos.pack --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := bench.TimeAugment(cmd.Context(), o)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(r)
			}
			t := newTable("step", "µs an image", "share")
			for _, s := range r.Stages {
				t.AppendRow(table.Row{s.Name, fmt.Sprintf("%.1f", s.Us), fmt.Sprintf("%.0f %%", 100*s.Us/r.TotalUs)})
			}
			return a.print(fmt.Sprintf("%s\n%.0f images/s on one core, %.1f µs an image\n%s", r.Recipe, r.PerSec, r.TotalUs, render(t)))
		},
	}
	f := c.Flags()
	f.IntVar(&o.Size, "size", 32, "edge of a view in pixels; above 32 the recipe blurs half of the views")
	f.StringVar(&o.Data, "data", "", "folder or pack of images (default random ones of 32 pixels)")
	f.IntVar(&o.Images, "images", 300, "images that are read, at even distances")
	f.IntVar(&o.Repeats, "repeats", 3, "passes over them; the median counts")
	complete(c, "data", completeData)
	return c
}
