package main

import (
	"bytes"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/bench"
	"github.com/sslctl/sslctl/core/durable"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/fault"
)

func (a *app) benchScalingCommand() *cobra.Command {
	var o bench.ScalingOptions
	var on benchThreads
	var out string
	c := &cobra.Command{
		Use:   "scaling",
		Short: "Time steps of growing batch and width against their arithmetic",
		Long: "Times the training step over batches, and over multiples of the network's widths at one batch, and fits a line of time\n" +
			"over arithmetic to each: its worst deviation says how far the cost is from growing linearly.",
		Example: "  sslctl bench scaling --net small --out scaling.svg\n  sslctl bench scaling --net tiny --batches 32,64,128 --widths 1,2 --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.benchOn(on, func(pool *kernel.Pool, trace bench.Tracer) error {
				o.Trace = trace
				if !a.quiet && !a.json {
					o.Tell = func(p bench.Point) {
						fmt.Fprintf(a.stderr, "batch %d, widths times %d: %.1f ms\n", p.Batch, p.Widen, p.Ms)
					}
				}
				s, err := bench.MeasureScaling(cmd.Context(), pool, o)
				if err != nil {
					return err
				}
				if err := writeFigure(s, out); err != nil {
					return err
				}
				if a.json {
					return a.printJSON(s)
				}
				a.printScaling(s)
				return nil
			})
		},
	}
	f := c.Flags()
	f.StringVar(&o.Net, "net", "small", "tiny, small, r18 or resnet50")
	f.IntSliceVar(&o.Batches, "batches", []int{32, 64, 128, 256, 512}, "images in a view, at the network's widths")
	f.IntSliceVar(&o.Widths, "widths", []int{1, 2, 3, 4}, "multiples of the network's widths")
	f.IntVar(&o.WidthBatch, "width-batch", 32, "images in a view while widths grow")
	f.IntVar(&o.Steps, "steps", 5, "steps that count, for each size")
	f.IntVar(&o.Warmup, "warmup", 1, "steps before them")
	f.StringVar(&out, "out", "", "`FILE` for the figure, an SVG")
	on.add(f)
	return c
}

// writeFigure draws a scaling into a file, if one is named.
func writeFigure(s bench.Scaling, out string) error {
	if out == "" {
		return nil
	}
	var svg bytes.Buffer
	if err := s.SVG(&svg); err != nil {
		return err
	}
	if err := durable.WriteFile(out, svg.Bytes()); err != nil {
		return fault.New(fault.Data, "choose a folder that exists and can be written by --out", "write the figure: %w", err)
	}
	return nil
}

func (a *app) printScaling(s bench.Scaling) {
	fmt.Fprintf(a.stdout, "%s, %d threads, measured peak %.0f GFLOP/s\n", s.Net, s.Threads, s.Peak)
	t := table.NewWriter()
	t.SetOutputMirror(a.stdout)
	t.AppendHeader(table.Row{"batch", "widths", "GFLOP", "ms", "line, ms", "off", "GFLOP/s", "MB"})
	for i, series := range s.Series {
		if i > 0 {
			t.AppendSeparator()
		}
		for _, p := range series.Points {
			line := series.Line.At(p.Flop)
			t.AppendRow(table.Row{p.Batch, fmt.Sprintf("x%d", p.Widen), fmt.Sprintf("%.1f", p.Flop/1e9), fmt.Sprintf("%.1f", p.Ms), fmt.Sprintf("%.1f", line),
				fmt.Sprintf("%+.1f %%", 100*(p.Ms/line-1)), fmt.Sprintf("%.0f", p.GFlops), fmt.Sprintf("%.0f", float64(p.Memory)/1e6)})
		}
	}
	t.Render()
	for _, series := range s.Series {
		fmt.Fprintf(a.stdout, "%s: %.2f ms + %.3f ms a GFLOP, at most %.1f %% off the line\n", series.Name, series.Line.Fixed, series.Line.PerGFlop, 100*series.Line.Worst)
	}
}
