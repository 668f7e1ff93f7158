// Package bench measures the engine: whole training steps of known networks ([TimeStep]), the kernels under them
// ([TimeKernels]), how the cost of a step grows with its arithmetic ([MeasureScaling]), and both beside PyTorch ([Race]).
//
// Steps are timed by their median after a warm-up, on synthetic views; kernels and the machine's peak by their best run,
// which other load disturbs least. Arithmetic is counted as the direct convolution's, so that Winograd's method, which
// does less, may pass the peak. See docs/performance.md for what bounds the figures.
package bench

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/optim"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
)

// StepOptions say what to time.
type StepOptions struct {
	Net           string
	Batch         int              // images in a view; 0 for the network's own
	Widen         int              // multiplies the widths of the backbone and the expander; 0 for 1
	Precision     engine.Precision // in which activations are stored
	Steps, Warmup int
	Trace         Tracer
}

// Tracer asks a plugin for VICReg with an expander of the given widths.
type Tracer func(ctx context.Context, expander []int, s method.Shapes) (*method.Traced, error)

// Step is the time of a training step.
type Step struct {
	Net             string  `json:"net"`
	Device          string  `json:"device"`
	Batch           int     `json:"batch"`
	Threads         int     `json:"threads"` // 0 on a device that has none
	Precision       string  `json:"precision"`
	Products        string  `json:"products,omitempty"` // how a CPU multiplies what is stored in bfloat16, and why
	Median          float64 `json:"median_ms"`
	Min             float64 `json:"min_ms"`
	ImagesPerSecond float64 `json:"images_per_s"` // views
	GFlops          float64 `json:"gflops"`       // a second, direct convolutions' arithmetic over the median
	Peak            float64 `json:"peak_gflops"`  // a second, measured with the same threads just before and after, see Peak; 0 where it was not
	PeakShare       float64 `json:"peak_share"`   // GFlops / Peak
	Flop            float64 `json:"flop"`         // of the step, as counted in GFlops
	Memory          int     `json:"memory_bytes"` // the process's largest resident size so far, or the device's memory; 0 where nobody tells
	Parameters      int     `json:"parameters"`
	Arena           int     `json:"arena_bytes"`
	Loss            float64 `json:"loss"`
	Stages          []Stage `json:"stages,omitempty"`
}

// Stage is the part of the step that one kind of instruction takes.
type Stage struct {
	Name   string  `json:"name"`
	Count  int     `json:"count"`
	Ms     float64 `json:"ms"`
	GFlops float64 `json:"gflops"` // a second
	GBytes float64 `json:"gbytes"` // a second, each operand counted once
}

// TimeStep builds the network and times its step.
func TimeStep(ctx context.Context, pool *kernel.Pool, o StepOptions) (Step, error) {
	s, err := buildStep(ctx, pool, o)
	if err != nil {
		return Step{}, err
	}
	if err := s.compile(); err != nil {
		return Step{}, err
	}
	if err := s.load(); err != nil {
		return Step{}, err
	}
	peak := Peak(pool)
	if _, err := timeEach(ctx, o.Warmup, s.step); err != nil {
		return Step{}, err
	}
	s.exe.Time()
	times, err := timeEach(ctx, o.Steps, s.step)
	if err != nil {
		return Step{}, err
	}
	peak = max(peak, Peak(pool))
	r := s.result(times)
	r.Peak, r.PeakShare, r.Memory = peak, r.GFlops/peak, residentPeak()
	return r, nil
}

// timeEach runs a step n times and gives the milliseconds of each.
func timeEach(ctx context.Context, n int, step func(context.Context) error) ([]float64, error) {
	times := make([]float64, n)
	for i := range times {
		start := time.Now()
		if err := step(ctx); err != nil {
			return nil, err
		}
		times[i] = 1e3 * time.Since(start).Seconds()
	}
	return times, nil
}

// stepper is a network ready to be stepped.
type stepper struct {
	net        Net
	batch      int
	precision  engine.Precision
	pool       *kernel.Pool
	model      *model.Model
	plan       *engine.Plan
	exe        *cpu.Executable
	opt        *optim.Optimizer
	parameters int
	rule       optim.Rule
	watched    bool // gradients are outputs, to be read after a step, and moved along then
}

// buildStep makes the graph of the step.
func buildStep(ctx context.Context, pool *kernel.Pool, o StepOptions) (*stepper, error) {
	at := slices.IndexFunc(Nets(), func(n Net) bool { return n.Name == o.Net })
	if at < 0 {
		return nil, fault.New(fault.Usage, "choose "+strings.Join(names(), ", "), "unknown network %q", o.Net)
	}
	s := &stepper{net: Nets()[at].widened(max(1, o.Widen)), pool: pool, batch: o.Batch, precision: o.Precision, rule: stepRule}
	if s.batch == 0 {
		s.batch = s.net.Batch
	}
	if s.batch < 2 || o.Steps < 1 || o.Warmup < 0 {
		return nil, fault.New(fault.Usage, "take a batch of 2 or more and at least one step",
			"a batch of %d, %d steps after %d: nothing to time", s.batch, o.Steps, o.Warmup)
	}
	traced, err := o.Trace(ctx, s.net.Expander, method.Shapes{Batch: s.batch, Views: 2})
	if err != nil {
		return nil, err
	}
	backbone, err := backbones.New(s.net.Backbone, s.net.Options)
	if err != nil {
		return nil, err
	}
	if s.model, err = model.Build(model.Spec{Backbone: backbone, Method: traced, Batch: s.batch, Views: 2, Channels: s.net.Channels, Size: s.net.Size}); err != nil {
		return nil, err
	}
	return s, nil
}

// compile plans the step: loss, statistics of batch norm, and gradients, which the optimiser takes as they are made where it can.
func (s *stepper) compile() error {
	outputs, sinks := []expr.Tensor{s.model.Loss}, []engine.Sink(nil)
	for _, p := range s.model.Params {
		if s.sinks(p) {
			sinks = append(sinks, engine.Sink{Value: p.Grad, Changes: []expr.Tensor{p.Tensor}})
		} else {
			outputs = append(outputs, p.Grad)
		}
	}
	for _, b := range s.model.Buffers {
		outputs = append(outputs, b.Stats)
	}
	var err error
	s.plan, err = engine.CompileStep(s.precision, outputs, nil, sinks...)
	return err
}

// sinks reports whether the optimiser takes a gradient as it is made.
func (s *stepper) sinks(p model.Param) bool { return !s.watched && optim.Elementwise(s.rule, p.Shape) }

// load gives the plan its memory, the parameters their first values and the optimiser its state.
func (s *stepper) load() error {
	loaded, err := cpu.New(s.pool).Load(s.plan)
	if err != nil {
		return err
	}
	s.exe = loaded.(*cpu.Executable)
	values := s.model.Init(0)
	var params []optim.Param
	for _, p := range s.model.Params {
		if err := s.exe.Bind(p.Tensor, values[p.Name]); err != nil {
			return err
		}
		s.parameters += len(values[p.Name])
		param := optim.Param{Name: p.Name, Value: values[p.Name], Shape: p.Shape}
		if !s.sinks(p) {
			param.Grad = s.exe.Read(p.Grad)
		}
		params = append(params, param)
	}
	if s.opt, err = optim.New(params, s.rule, optim.Options{}); err != nil {
		return err
	}
	for _, p := range s.model.Params {
		if s.sinks(p) {
			if err := s.exe.Drain(p.Tensor, s.opt.Piecewise(s.pool.ISA(), p.Name)); err != nil {
				return err
			}
		}
	}
	return s.exe.Bind(s.model.Pixels, views(s.model.Pixels.Shape()))
}

// views are a random image and a noisy copy of it, as in the peer's script.
func views(shape expr.Shape) []float32 {
	r := rand.New(rand.NewPCG(0, 0))
	pixels := make([]float32, shape.TotalSize())
	half := len(pixels) / 2
	for i := range half {
		pixels[i] = float32(r.NormFloat64())
		pixels[half+i] = pixels[i] + 0.3*float32(r.NormFloat64())
	}
	return pixels
}

// stepRule and stepLR are the peer's optimiser.
var stepRule = optim.SGD{Momentum: 0.9, WeightDecay: 1e-4}

const stepLR = 1e-3

func (s *stepper) step(ctx context.Context) error {
	s.opt.Begin(stepLR)
	if err := s.exe.Run(ctx); err != nil {
		return err
	}
	s.opt.Step(s.pool, stepLR)
	return nil
}

// figures are those that follow from the times of steps and the plan.
func (s *stepper) figures(times []float64) Step {
	median := middle(times)
	var flops float64
	for _, in := range s.plan.Instrs {
		flops += s.plan.Cost(in).Flops
	}
	return Step{Net: s.net.Name, Batch: s.batch, Precision: s.precision.String(), Median: median, Min: slices.Min(times),
		ImagesPerSecond: 2e3 * float64(s.batch) / median, Flop: flops, GFlops: flops / median / 1e6, Parameters: s.parameters, Arena: s.plan.Arena}
}

func (s *stepper) result(times []float64) Step {
	r := s.figures(times)
	r.Device, r.Threads, r.Loss = "cpu", s.pool.Threads(), float64(s.exe.Read(s.model.Loss)[0])
	stages := map[string]*Stage{}
	for i, in := range s.plan.Instrs {
		cost, name := s.plan.Cost(in), s.stageOf(in)
		if in.Kind == engine.Sunk && s.plan.Values[in.In[0]].Passing {
			continue // done by the product
		}
		if in.Kind == engine.Sunk { // value and momentum read and written, gradient read
			cost.Bytes = 20 * float64(s.plan.Values[in.In[0]].Size())
		}
		stage := stages[name]
		if stage == nil {
			stage = &Stage{Name: name}
			stages[name] = stage
		}
		stage.Count++
		stage.Ms += 1e3 * s.exe.Spent()[i].Seconds() / float64(len(times))
		stage.GFlops += cost.Flops
		stage.GBytes += cost.Bytes
	}
	for _, stage := range stages {
		stage.GFlops /= stage.Ms * 1e6
		stage.GBytes /= stage.Ms * 1e6
		r.Stages = append(r.Stages, *stage)
	}
	slices.SortFunc(r.Stages, func(a, b Stage) int { return cmp.Compare(b.Ms, a.Ms) })
	return r
}

// stageOf names an instruction by its kind; convolutions by kernel and stride too, since they differ in algorithm.
func (s *stepper) stageOf(in engine.Instr) string {
	w := in.In
	shape := func(id engine.ID) expr.Shape { return s.plan.Values[id].Shape }
	switch in.Kind {
	case expr.Conv2D, expr.Conv2DGradX:
		return convName(in, shape(w[1]))
	case expr.Conv2DGradW:
		return convName(in, shape(in.Out[0]))
	case engine.Sunk:
		return "optimiser"
	case expr.MatMul:
		if s.plan.Values[in.Out[0]].Passing {
			return "matmul, optimiser"
		}
	}
	return string(in.Kind)
}

func convName(in engine.Instr, w expr.Shape) string {
	return fmt.Sprintf("%s %dx%d/%d", in.Kind, w[0], w[1], in.Attrs.Stride)
}
