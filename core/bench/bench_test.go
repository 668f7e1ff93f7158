package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/method"
)

// sideEnv makes the test binary one side of a race: it prints a lap and ends, or fails.
const sideEnv = "SSLCTL_BENCH_SIDE"

func TestMain(m *testing.M) {
	if side := os.Getenv(sideEnv); side != "" {
		if err := raceSide(side); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// traced asks VICReg itself, in this process.
func traced(_ context.Context, expander []int, s method.Shapes) (*method.Traced, error) {
	return method.Trace(vicreg.Method{}, map[string]any{"projector": expander}, s)
}

func newPool(t testing.TB, threads int, options ...kernel.Option) *kernel.Pool {
	p := kernel.NewPool(threads, options...)
	t.Cleanup(p.Close)
	return p
}

func TestStep(t *testing.T) {
	var steps []Step
	for _, threads := range []int{1, 2} {
		s, err := TimeStep(t.Context(), newPool(t, threads), StepOptions{Net: "tiny", Batch: 8, Steps: 3, Warmup: 1, Trace: traced})
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, s)
		if s.Net != "tiny" || s.Batch != 8 || s.Threads != threads || s.Parameters != 1_096_288 {
			t.Errorf("%+v", s)
		}
		if s.Min <= 0 || s.Min > s.Median || s.Peak <= 0 || s.PeakShare != s.GFlops/s.Peak || s.Arena <= 0 {
			t.Errorf("figures contradict each other: %+v", s)
		}
		if views := s.ImagesPerSecond * s.Median / 1e3; math.Abs(views-16) > 1e-9 {
			t.Errorf("%g views in a step of 8 x 2", views)
		}
		if runtime.GOOS == "linux" && s.Memory < s.Arena {
			t.Errorf("the process had %d bytes, the arena alone has %d", s.Memory, s.Arena)
		}
		var flop float64
		for _, stage := range s.Stages {
			flop += stage.GFlops * stage.Ms * 1e6
		}
		if math.Abs(flop/s.Flop-1) > 1e-9 {
			t.Errorf("stages do %g operations, the step %g", flop, s.Flop)
		}
		if !slices.ContainsFunc(s.Stages, func(s Stage) bool { return s.Name == "optimiser" && s.Ms > 0 }) {
			t.Error("the optimiser has no time")
		}
	}
	if steps[0].Loss != steps[1].Loss || steps[0].Loss <= 0 {
		t.Errorf("losses are %g on one thread and %g on two", steps[0].Loss, steps[1].Loss)
	}
}

// apart is the processor as a device with memory of its own.
type apart struct{ *cpu.Device }

func (apart) Distant() {}

// TestStepOn: where the optimiser is a part of the plan, the steps are the same.
func TestStepOn(t *testing.T) {
	pool := newPool(t, 2)
	o := StepOptions{Net: "tiny", Batch: 8, Steps: 3, Warmup: 1, Trace: traced}
	want, err := TimeStep(t.Context(), pool, o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := TimeStepOn(t.Context(), apart{cpu.New(pool)}, o)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(got.Loss/want.Loss-1) > 1e-5 {
		t.Errorf("loss %g, want %g", got.Loss, want.Loss)
	}
	if got.Parameters != want.Parameters || got.Flop != want.Flop || got.Device != "cpu" || got.Min <= 0 || got.Min > got.Median || len(got.Stages) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestWidened: four times the arithmetic between layers for twice the widths, twice at the stem.
func TestWidened(t *testing.T) {
	var flop []float64
	for _, by := range []int{1, 2} {
		s, err := buildStep(t.Context(), newPool(t, 1), StepOptions{Net: "tiny", Batch: 8, Widen: by, Steps: 1, Trace: traced})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.compile(); err != nil {
			t.Fatal(err)
		}
		var sum float64
		for _, in := range s.plan.Instrs {
			sum += s.plan.Cost(in).Flops
		}
		flop = append(flop, sum)
	}
	if ratio := flop[1] / flop[0]; ratio < 3.5 || ratio > 4 {
		t.Errorf("twice the widths do %.2f times the arithmetic", ratio)
	}
	if Nets()[0].Options.Widths[0] != 32 {
		t.Error("widening changed the network itself")
	}
}

// TestKernelsAreTheSteps: the kernels of a network, by their calls, do all the arithmetic of its step, and move what its
// convolutions and products move.
func TestKernelsAreTheSteps(t *testing.T) {
	pool := newPool(t, 2)
	tasks, err := tasksOf(t.Context(), pool, "tiny", engine.FP32, traced)
	if err != nil {
		t.Fatal(err)
	}
	s, err := buildStep(t.Context(), pool, StepOptions{Net: "tiny", Steps: 1, Trace: traced})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.compile(); err != nil {
		t.Fatal(err)
	}
	var want, got, wantBytes, gotBytes float64
	for _, in := range s.plan.Instrs {
		cost := s.plan.Cost(in)
		want += cost.Flops
		if cost.Flops > 0 {
			wantBytes += cost.Bytes
		}
	}
	for _, k := range tasks {
		_, o, flop := k.call()
		got += float64(k.Calls) * flop
		gotBytes += 4 * float64(k.Calls*(len(o.read[0])+len(o.read[1])+len(o.write)))
	}
	if gotBytes != wantBytes {
		t.Errorf("kernels move %g bytes, the step %g", gotBytes, wantBytes)
	}
	if math.Abs(got/want-1) > 1e-9 {
		t.Errorf("kernels do %g operations, the step %g", got, want)
	}
}

func TestKernels(t *testing.T) {
	pool, direct := newPool(t, 2), newPool(t, 2, kernel.WithoutWinograd())
	told := 0
	r, err := TimeKernels(t.Context(), pool, direct, KernelOptions{Nets: []string{"tiny"}, Filter: "7x7x64 to 64", Rounds: 2, Trace: traced,
		Tell: func(done, total int, _ Kernel) { told++ }})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Kernels) != 3 || told != 6 || r.Threads != 2 || r.ISA != pool.ISA().String() {
		t.Fatalf("%d kernels, %d told: %+v", len(r.Kernels), told, r)
	}
	for i, direction := range []string{Forward, BackwardData, Weights} {
		k := r.Kernels[i]
		if k.Direction != direction || k.Op != "conv 3x3/1" || k.Calls != 1 || k.Algorithm != pool.Method(kernel.Conv{N: 256, H: 7, W: 7, C: 64, K: 64, R: 3, S: 3, Stride: 1, Pad: 1}) {
			t.Errorf("%+v", k)
		}
		if flop := 2.0 * 256 * 49 * 64 * 64 * 9; math.Abs(k.GFlops*k.Ms*1e6/flop-1) > 1e-9 || k.PeakShare != k.GFlops/r.Peak || k.MemoryShare <= 0 {
			t.Errorf("figures contradict each other: %+v", k)
		}
		if (k.Direct != nil) != (k.Algorithm == kernel.MethodWinograd) || k.Direct != nil && math.Abs(k.Direct.Speedup-k.Direct.Ms/k.Ms) > 1e-9 {
			t.Errorf("direct twin %+v of %+v", k.Direct, k)
		}
	}
}

// TestKernelsInBF16: kernels of a step in bfloat16 are timed on images stored so, and held against the peak of their products.
func TestKernelsInBF16(t *testing.T) {
	pool, direct := newPool(t, 2, kernel.WithDots(kernel.Everywhere)), newPool(t, 2, kernel.WithoutWinograd())
	tasks, err := tasksOf(t.Context(), pool, "tiny", engine.BF16, traced)
	if err != nil {
		t.Fatal(err)
	}
	halves := 0
	for _, k := range tasks {
		_, o, _ := k.call()
		numbers := [3]int{len(o.read[0]), len(o.read[1]), len(o.write)}
		if k.Direction == Forward && k.half[0] && numbers[0] == k.conv.N*k.conv.H*k.conv.W*k.conv.C/2 {
			halves++
		}
	}
	if halves < 4 {
		t.Errorf("%d convolutions of images in bfloat16", halves)
	}
	r, err := TimeKernels(t.Context(), pool, direct, KernelOptions{Nets: []string{"tiny"}, Precision: engine.BF16, Filter: "7x7x64 to 64", Trace: traced})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range r.Kernels {
		want, peak := kernel.MethodDirectDots, r.DotPeak
		if pool.DotRate() == 0 {
			want, peak = kernel.MethodWinograd, r.Peak
		}
		if k.Algorithm != want || k.PeakShare != k.GFlops/peak {
			t.Errorf("%+v: want %s of a peak of %g", k, want, peak)
		}
	}
	if (r.DotPeak > 0) != (pool.DotRate() > 0) || r.Precision != "bf16" || len(r.Kernels) == 0 {
		t.Errorf("%+v", r)
	}
}

func TestShares(t *testing.T) {
	twin := &Direct{PeakShare: 0.9}
	got := sharesOf([]Kernel{
		{Direction: Weights, Algorithm: kernel.MethodDirect, PeakShare: 0.7}, {Direction: Weights, Algorithm: kernel.MethodWinograd, PeakShare: 1.8, Direct: twin},
		{Direction: Weights, Algorithm: kernel.MethodWinograd, PeakShare: 1.6, Direct: &Direct{PeakShare: 0.8}}, {Direction: Forward, Algorithm: kernel.MethodProduct, PeakShare: 0.5},
	})
	want := []Share{
		{kernel.MethodDirect, Weights, 3, 0.7, 0.8, 0.9}, {kernel.MethodProduct, Forward, 1, 0.5, 0.5, 0.5}, {kernel.MethodWinograd, Weights, 2, 1.6, 1.7000000000000002, 1.8},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestFit(t *testing.T) {
	line := []Point{{Flop: 1e9, Ms: 5}, {Flop: 3e9, Ms: 9}, {Flop: 8e9, Ms: 19}}
	if l := fit(line); math.Abs(l.Fixed-3) > 1e-9 || math.Abs(l.PerGFlop-2) > 1e-9 || l.Worst > 1e-12 {
		t.Errorf("3 + 2x is %+v", l)
	}
	line[2].Ms *= 1.5
	if l := fit(line); l.Worst < 0.05 || l.Worst > 0.5 {
		t.Errorf("a point half above the line is %+v", l)
	}
}

func TestScaling(t *testing.T) {
	var told []Point
	s, err := MeasureScaling(t.Context(), newPool(t, 2), ScalingOptions{Net: "tiny", Batches: []int{4, 8}, Widths: []int{1, 2}, WidthBatch: 4,
		Steps: 2, Warmup: 1, Trace: traced, Tell: func(p Point) { told = append(told, p) }})
	if err != nil {
		t.Fatal(err)
	}
	batches, widths := s.Series[0].Points, s.Series[1].Points
	if len(told) != 4 || batches[0].Flop != widths[0].Flop || batches[1].Flop <= batches[0].Flop || widths[1].Flop <= widths[0].Flop {
		t.Errorf("%+v", s)
	}
	for _, series := range s.Series { // a line through two points
		if series.Line.Worst > 1e-6 {
			t.Errorf("%+v", series)
		}
	}
	var a, b bytes.Buffer
	if err := errors.Join(s.SVG(&a), s.SVG(&b)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same figures give two figures")
	}
	for _, want := range []string{"batch 4", "batch 8", "width ×2", "GFLOP", "Training step of tiny"} {
		if !strings.Contains(a.String(), want) {
			t.Errorf("the figure lacks %q", want)
		}
	}
	for d := xml.NewDecoder(&a); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the figure is no XML: %v", err)
		}
	}
}

func TestRefusals(t *testing.T) {
	pool := newPool(t, 1)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		do   func() error
		code fault.Code
		says string
	}{
		"unknown net": {func() error {
			_, err := TimeStep(t.Context(), pool, StepOptions{Net: "vgg", Steps: 1, Trace: traced})
			return err
		}, fault.Usage, `unknown network "vgg"`},
		"no steps": {func() error {
			_, err := TimeStep(t.Context(), pool, StepOptions{Net: "tiny", Trace: traced})
			return err
		}, fault.Usage, "nothing to time"},
		"no kernel": {func() error {
			_, err := TimeKernels(t.Context(), pool, pool, KernelOptions{Nets: []string{"tiny"}, Filter: "9x9", Trace: traced})
			return err
		}, fault.Usage, `no kernel has "9x9"`},
		"one batch": {func() error {
			_, err := MeasureScaling(t.Context(), pool, ScalingOptions{Net: "tiny", Batches: []int{8}, Widths: []int{1, 2}, Trace: traced})
			return err
		}, fault.Usage, "make no line"},
		"ended": {func() error {
			_, err := TimeKernels(ended, pool, pool, KernelOptions{Nets: []string{"tiny"}, Trace: traced})
			return err
		}, fault.Internal, "context canceled"},
		"setting": {func() error { _, err := ParseSetting("cpu", "nchw"); return err }, fault.Usage, `no such setting of the peer on cpu: "nchw"`},
	} {
		err := c.do()
		if fault.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.says) || c.code == fault.Usage && fault.HintOf(err) == "" {
			t.Errorf("%s: %v (code %d)", name, err, fault.CodeOf(err))
		}
	}
}

// raceSide times a real step, as either side of a race would. "slow" says that it took three times as long, "other" that
// its network has another weight.
func raceSide(side string) error {
	if side == "broken" {
		return errors.New("ModuleNotFoundError: No module named 'torch'")
	}
	p := kernel.NewPool(1)
	defer p.Close()
	s, err := TimeStep(context.Background(), p, StepOptions{Net: "tiny", Batch: 4, Steps: 2, Warmup: 1, Trace: traced})
	if err != nil {
		return err
	}
	if slices.Contains(os.Args, "--format") { // the peer's flag
		switch side {
		case "slow":
			s.Median *= 3
			if slices.Contains(os.Args, "contiguous") && os.Getenv("MALLOC_TRIM_THRESHOLD_") == "-1" && slices.Contains(os.Args, "eager") {
				s.Median /= 100 // the best setting
			}
		case "other":
			s.Parameters++
		}
	}
	return json.NewEncoder(os.Stdout).Encode(s)
}

// TestRace lets this binary race against itself in real processes.
func TestRace(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o := RaceOptions{Net: "tiny", Device: "cpu", Precision: "bf16", PeerPrecision: "fp32", Ours: []string{self}, Python: []string{self}, Rounds: 2, Steps: 2, Warmup: 1}
	t.Run("all settings", func(t *testing.T) {
		t.Setenv(sideEnv, "slow")
		r, err := Race(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Trials) != 8 || len(r.Rounds) != 2 || r.Setting.String() != "contiguous,eager,keep" {
			t.Errorf("%d trials, %d rounds, best %s", len(r.Trials), len(r.Rounds), r.Setting)
		}
		if r.Ratio != r.Peer/r.Ours || r.RatioLow > r.RatioHigh || r.Batch != 4 || r.Threads != 1 || r.Ours <= 0 {
			t.Errorf("%+v", r)
		}
	})
	o.Setting = Settings("cpu")[0]
	for side, want := range map[string]string{"other": "the sides of the race differ", "broken": "No module named 'torch'"} {
		t.Run(side, func(t *testing.T) {
			t.Setenv(sideEnv, side)
			if _, err := Race(t.Context(), o); !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("%v", err)
			}
		})
	}
	o.Python = []string{"/nowhere/python"}
	t.Setenv(sideEnv, "slow")
	if _, err := Race(t.Context(), o); fault.CodeOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "make bench-peer") {
		t.Errorf("%v, hint %q", err, fault.HintOf(err))
	}
}

func TestSettings(t *testing.T) {
	for device, count := range map[string]int{"cpu": 8, "cuda": 6} {
		all := Settings(device)
		if len(all) != count {
			t.Errorf("%d settings on %s, want %d", len(all), device, count)
		}
		for _, s := range all {
			if got, err := ParseSetting(device, s.String()); err != nil || got != s {
				t.Errorf("%s: %s reads back as %s, %v", device, s, got, err)
			}
		}
	}
}

// TestPeerIsTheSameNetwork runs the peer's script with the Python that SSLCTL_PEER_PYTHON names, and compares its numbers
// of parameters with ours.
func TestPeerIsTheSameNetwork(t *testing.T) {
	python := os.Getenv("SSLCTL_PEER_PYTHON")
	if python == "" {
		t.Skip("SSLCTL_PEER_PYTHON names no Python with PyTorch: the peer's networks are not compared; make bench-peer does it")
	}
	for _, net := range []string{"tiny", "small", "r18"} {
		_, err := Race(t.Context(), RaceOptions{Net: net, Device: "cpu", Precision: "fp32", PeerPrecision: "fp32", Batch: 4, Threads: 2, Python: []string{python}, Setting: Settings("cpu")[0], Rounds: 1, Steps: 1,
			Ours: []string{"go", "run", "../../cmd/sslctl", "bench", "step", "--json"}})
		if err != nil {
			t.Errorf("%s: %v", net, err)
		}
	}
}
