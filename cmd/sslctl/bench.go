package main

import (
	"context"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sslctl/sslctl/core/bench"
	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/experiment"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
)

func (a *app) benchCommand() *cobra.Command {
	return group(&cobra.Command{Use: "bench", Short: "Measure the engine on this machine", Example: "  sslctl bench step --net r18\n  sslctl bench kernels --filter 3x3/1"},
		a.benchStepCommand(), a.benchKernelsCommand(), a.benchScalingCommand(), a.benchPeerCommand(), a.benchAugmentCommand())
}

// benchThreads are the flags of what runs on the CPU kernels.
type benchThreads struct {
	threads   int
	isa       string
	precision string
}

func (b *benchThreads) add(f *pflag.FlagSet) {
	f.IntVar(&b.threads, "threads", 0, "threads of the CPU kernels (default one a core)")
	f.StringVar(&b.isa, "cpu-isa", "auto", "auto, avx512-bf16, avx512, avx2 or generic")
}

func (b *benchThreads) pool() (*kernel.Pool, error) {
	return experiment.NewPool(config.Config{Threads: b.threads, CPUISA: b.isa, Train: config.Train{Precision: b.precision}})
}

// benchTracer asks the plugin of VICReg for its objective; close ends it.
func (a *app) benchTracer() (trace bench.Tracer, close func()) {
	s, closeSession := a.session(a.logger())
	return func(ctx context.Context, expander []int, shapes method.Shapes) (*method.Traced, error) {
		ref, err := s.Host.Find(wire.Method, "vicreg")
		if err != nil {
			return nil, err
		}
		traced, _, err := s.Host.Trace(ctx, ref, map[string]any{"projector": expander}, shapes)
		return traced, err
	}, closeSession
}

// benchOn runs a measurement on a pool of workers and with VICReg's objective, and frees both.
func (a *app) benchOn(on benchThreads, measure func(*kernel.Pool, bench.Tracer) error) error {
	pool, err := on.pool()
	if err != nil {
		return err
	}
	defer pool.Close()
	trace, closeTracer := a.benchTracer()
	defer closeTracer()
	return measure(pool, trace)
}

func (a *app) benchStepCommand() *cobra.Command {
	var o bench.StepOptions
	var on benchThreads
	var device, precision string
	c := &cobra.Command{
		Use:   "step",
		Short: "Time a training step stage by stage",
		Long: "Times VICReg's whole training step - two views forward and backward, loss, SGD - on synthetic images, and shows where\n" +
			"the time goes. Networks: tiny (the demo's), small and r18 (ResNet-18 on 28 and 32 pixels), resnet50 (224 pixels).\n" +
			"GFLOP/s count the arithmetic of direct convolutions; Winograd's method does less and may pass the peak, which is\n" +
			"measured before with the same threads. On a GPU the whole step is one graph of launches, and there are no stages to show.",
		Example: "  sslctl bench step --net r18\n  sslctl bench step --net small --batch 256 --threads 2 --json\n  sslctl bench step --net r18 --precision bf16\n" +
			"  sslctl bench step --device cuda --net resnet50 --batch 256",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			settled := (&chooser{log: a.logger()}).choose(config.Config{Device: device, Threads: on.threads, CPUISA: on.isa, Train: config.Train{Precision: precision}})
			if o.Precision, err = engine.ParsePrecision(settled.Train.Precision); err != nil {
				return fault.New(fault.Usage, "take auto, fp32 or bf16", "%w", err)
			}
			machine, err := experiment.OpenMachine(settled)
			if err != nil {
				return err
			}
			defer machine.Close()
			trace, closeTracer := a.benchTracer()
			defer closeTracer()
			o.Trace = trace
			step, err := timeStep(cmd.Context(), machine, o)
			if err != nil {
				return err
			}
			step.Products = machine.Products
			if a.json {
				return a.printJSON(step)
			}
			a.printStep(step)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&o.Net, "net", "r18", "tiny, small, r18 or resnet50")
	f.IntVar(&o.Batch, "batch", 0, "images in a view (default the network's own)")
	f.StringVar(&device, "device", "cpu", "cpu, cuda, cuda:1 or auto")
	f.StringVar(&precision, "precision", "auto", "storage of activations: fp32, bf16, or auto: bf16 on GPUs of compute capability 8.0 and more, else fp32")
	f.IntVar(&o.Steps, "steps", 10, "steps that count")
	f.IntVar(&o.Warmup, "warmup", 2, "steps before them")
	on.add(f)
	return c
}

// timeStep times a step on a machine's device.
func timeStep(ctx context.Context, m experiment.Machine, o bench.StepOptions) (bench.Step, error) {
	switch d := m.Device.(type) {
	case engine.Distant:
		return bench.TimeStepOn(ctx, d, o)
	case *cpu.Device:
		return bench.TimeStep(ctx, m.Pool, o)
	}
	return bench.Step{}, fault.New(fault.Usage, "take --device cpu or cuda", "steps are not timed on %s", m.Device.Name())
}

func (a *app) printStep(s bench.Step) {
	where, peak := s.Device, ""
	if s.Peak > 0 {
		where = fmt.Sprintf("%d threads", s.Threads)
		peak = fmt.Sprintf(", %.0f %% of the measured peak of %.0f", 100*s.PeakShare, s.Peak)
	}
	fmt.Fprintf(a.stdout, "%s, batch %d x 2, %s, %s: median %.1f ms, min %.1f ms, %.0f views/s, %.0f GFLOP/s%s\n"+
		"%d parameters, %.0f MB of activations, loss %.4g\n",
		s.Net, s.Batch, where, s.Precision, s.Median, s.Min, s.ImagesPerSecond, s.GFlops, peak, s.Parameters, float64(s.Arena)/1e6, s.Loss)
	if s.Products != "" {
		fmt.Fprintf(a.stdout, "products are %s\n", s.Products)
	}
	if len(s.Stages) == 0 {
		return
	}
	t := table.NewWriter()
	t.SetOutputMirror(a.stdout)
	t.AppendHeader(table.Row{"stage", "calls", "ms", "share", "GFLOP/s", "GB/s"})
	var total float64
	for _, stage := range s.Stages {
		total += stage.Ms
	}
	for _, stage := range s.Stages {
		t.AppendRow(table.Row{stage.Name, stage.Count, fmt.Sprintf("%.2f", stage.Ms), fmt.Sprintf("%.1f %%", 100*stage.Ms/total),
			fmt.Sprintf("%.0f", stage.GFlops), fmt.Sprintf("%.1f", stage.GBytes)})
	}
	t.Render()
}
