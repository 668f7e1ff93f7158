package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/train"
)

func (a *app) dataPackCommand() *cobra.Command {
	var o data.Options
	var po data.PackOptions
	var out string
	c := &cobra.Command{
		Use:   "pack NAME|FOLDER --out FILE",
		Short: "Decode a data set into one file that training maps into memory",
		Long: "Decodes every image once, shrinks those whose short side is above --side, and writes them into one file, which --data FILE\n" +
			"takes in place of the data set. It is larger than the JPEG files (3 bytes a pixel), and training then decodes nothing.\n" +
			"Views of N pixels want a side of 2·N to be exactly those of the folder; 256 serves views of up to 224 pixels well.",
		Example:           "  sslctl data pack ./photos --out photos.pack\n  sslctl data pack ./photos --out photos.pack --side 448 --on-corrupt skip\n  sslctl run --method vicreg --data photos.pack",
		Args:              oneArg("a data set of sslctl data list, or a folder of images"),
		ValidArgsFunction: first(completeData),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return fault.New(fault.Usage, "name it with --out, such as --out photos.pack", "no file is named to pack into")
			}
			o.Name = args[0]
			return a.pack(cmd.Context(), o, out, po)
		},
	}
	f := c.Flags()
	f.StringVar(&out, "out", "", "`FILE` to write; it must not be there yet")
	f.IntVar(&po.Side, "side", data.DefaultPackSide, "short side in `PIXELS` to which larger images are shrunk")
	f.IntVar(&po.Workers, "workers", 0, "goroutines that decode (default one a core)")
	f.StringVar(&o.OnCorrupt, "on-corrupt", data.FailOnCorrupt, "fail, or skip: the next image of the class stands in")
	dataDirFlag(c, &o.Dir)
	return c
}

func (a *app) pack(ctx context.Context, o data.Options, out string, po data.PackOptions) error {
	p := a.progress()
	po.Progress = func(done, total int) {
		p.observe(train.PhaseEvent{Name: "packing images", Done: done, Total: total})
	}
	info, err := data.Pack(ctx, o, out, po)
	p.close(err)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(forJSON(info))
	}
	return a.print(fmt.Sprintf("%s: %d training and %d test images, %s\n", info.Name, info.Train, info.Test, amount(info.Bytes)))
}
