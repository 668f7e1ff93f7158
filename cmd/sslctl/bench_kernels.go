package main

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/bench"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/fault"
)

func (a *app) benchKernelsCommand() *cobra.Command {
	var o bench.KernelOptions
	var on benchThreads
	var precision string
	c := &cobra.Command{
		Use:   "kernels",
		Short: "Time each convolution and matrix product of a step by itself",
		Long: "Times every convolution (forward, gradients of data and of weights) and matrix product in the shapes that the steps of\n" +
			"the networks have, the best of several calls, and sets it against the peak that the same threads reach. Convolutions\n" +
			"that take Winograd's method are timed by the direct method too. GFLOP/s count the direct method's arithmetic. What memory\n" +
			"allows is the share of the peak at which a kernel would take as long as reading its operands and writing its result once.",
		Example: "  sslctl bench kernels\n  sslctl bench kernels --net r18 --filter 3x3/1 --threads 1\n  sslctl bench kernels --filter weights --json\n" +
			"  sslctl bench kernels --precision bf16 --cpu-isa avx512-bf16",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Precision, err = engine.ParsePrecision(precision); err != nil {
				return fault.New(fault.Usage, "take fp32 or bf16", "%w", err)
			}
			on.precision = precision
			return a.benchOn(on, func(pool *kernel.Pool, trace bench.Tracer) error {
				o.Trace = trace
				direct := kernel.NewPool(pool.Threads(), kernel.WithISA(pool.ISA()), kernel.WithoutWinograd())
				defer direct.Close()
				if a.terminal && !a.quiet {
					o.Tell = func(done, total int, k bench.Kernel) {
						fmt.Fprintf(a.stderr, "\r\x1b[K%d/%d %s %s %s %s", done+1, total, k.Net, k.Op, k.Direction, k.Shape)
					}
				}
				r, err := bench.TimeKernels(cmd.Context(), pool, direct, o)
				if o.Tell != nil {
					fmt.Fprint(a.stderr, "\r\x1b[K")
				}
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(r)
				}
				return a.printKernels(r)
			})
		},
	}
	f := c.Flags()
	f.StringSliceVar(&o.Nets, "net", nil, "networks whose kernels are timed (default r18,small,resnet50)")
	f.IntVar(&o.Rounds, "rounds", 2, "rounds through all kernels, of which the best counts")
	f.StringVar(&precision, "precision", "fp32", "storage of activations: fp32 or bf16")
	f.StringVar(&o.Filter, "filter", "", "time only kernels whose line has this `TEXT` in it: 3x3/1, weights, winograd")
	on.add(f)
	return c
}

func (a *app) printKernels(r bench.KernelsResult) error {
	dots := ""
	if r.DotPeak > 0 {
		dots = fmt.Sprintf(", of products in bfloat16 %.0f", r.DotPeak)
	}
	if err := a.print(fmt.Sprintf("%d threads, %s, %s, measured peak %.0f GFLOP/s%s\n", r.Threads, r.ISA, r.Precision, r.Peak, dots)); err != nil {
		return err
	}
	t := table.NewWriter()
	t.SetOutputMirror(a.stdout)
	t.AppendHeader(table.Row{"net", "op", "direction", "shape", "calls", "algorithm", "ms", "GFLOP/s", "of peak", "memory allows", "direct GFLOP/s", "of peak", "gain"})
	for _, k := range r.Kernels {
		row := table.Row{k.Net, k.Op, k.Direction, k.Shape, k.Calls, k.Algorithm, fmt.Sprintf("%.3f", k.Ms), fmt.Sprintf("%.0f", k.GFlops), fmt.Sprintf("%.0f %%", 100*k.PeakShare), fmt.Sprintf("%.0f %%", 100*k.MemoryShare)}
		if d := k.Direct; d != nil {
			row = append(row, fmt.Sprintf("%.0f", d.GFlops), fmt.Sprintf("%.0f %%", 100*d.PeakShare), fmt.Sprintf("%.2f", d.Speedup))
		}
		t.AppendRow(row)
	}
	t.Render()
	if len(r.Shares) == 0 {
		return nil
	}
	t = table.NewWriter()
	t.SetOutputMirror(a.stdout)
	t.AppendHeader(table.Row{fmt.Sprintf("%d channels and filters or more", bench.WideChannels), "direction", "kernels", "of peak: lowest", "median", "highest"})
	for _, s := range r.Shares {
		t.AppendRow(table.Row{s.Algorithm, s.Direction, s.Kernels, fmt.Sprintf("%.0f %%", 100*s.Lowest), fmt.Sprintf("%.0f %%", 100*s.Median), fmt.Sprintf("%.0f %%", 100*s.Highest)})
	}
	t.Render()
	return nil
}
