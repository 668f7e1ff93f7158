package bench

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/sdk/expr"
)

// Directions of a convolution.
const (
	Forward      = "forward"
	BackwardData = "backward data"
	Weights      = "weights"
)

// Kernel is the time of one convolution or matrix product of a network's step.
type Kernel struct {
	Net       string  `json:"net"`
	Op        string  `json:"op"`         // "conv 3x3/1", "matmul"
	Direction string  `json:"direction"`  // Forward, BackwardData, Weights; "" for a product of matrices
	Shape     string  `json:"shape"`      // "128x32x32x64 to 64"; "256x512x2048", M x N x K
	Calls     int     `json:"calls"`      // in a step
	Algorithm string  `json:"algorithm"`  // a Method of package kernel
	Ms        float64 `json:"ms"`         // of the best call
	GFlops    float64 `json:"gflops"`     // a second, the direct method's arithmetic
	PeakShare float64 `json:"peak_share"` // of the peak of products in bfloat16, where the algorithm multiplies so
	// MemoryShare is the share of the peak that memory allows: the kernel's, if it took no longer than to read its operands
	// and write its result once. The direct method can reach the lesser of it and 1.
	MemoryShare float64 `json:"memory_share"`
	// The same by the direct method, where the algorithm is another.
	Direct *Direct `json:"direct,omitempty"`
}

// Direct is a convolution kept from Winograd's method.
type Direct struct {
	Ms        float64 `json:"ms"`
	GFlops    float64 `json:"gflops"`
	PeakShare float64 `json:"peak_share"`
	Speedup   float64 `json:"speedup"` // of the algorithm over it
}

// KernelsResult is what TimeKernels found.
type KernelsResult struct {
	Threads   int      `json:"threads"`
	ISA       string   `json:"isa"`
	Precision string   `json:"precision"`
	Peak      float64  `json:"peak_gflops"`
	DotPeak   float64  `json:"dot_peak_gflops,omitempty"` // of products in bfloat16; 0 where the pool has none
	Kernels   []Kernel `json:"kernels"`
	// Shares sum up the convolutions of at least WideChannels channels and filters.
	Shares []Share `json:"shares"`
}

// WideChannels is the number of channels and of filters from which on a convolution fills the vectors of every CPU.
const WideChannels = 64

// Share is how near the peak the convolutions of one algorithm and direction come. A convolution that takes Winograd's
// method counts under it, and its direct twin under the direct method.
type Share struct {
	Algorithm string  `json:"algorithm"`
	Direction string  `json:"direction"`
	Kernels   int     `json:"kernels"`
	Lowest    float64 `json:"lowest"`
	Median    float64 `json:"median"`
	Highest   float64 `json:"highest"`
}

// KernelOptions say which kernels to time.
type KernelOptions struct {
	Nets   []string // none for r18, small and resnet50
	Rounds int      // through all of them, of which the best counts: slow spells of a machine pass; 0 for 1
	Filter string   // only kernels whose line contains it, such as "3x3/1" or "weights"; "" for all
	// Precision is that of the steps whose kernels are timed.
	Precision engine.Precision
	Trace     Tracer
	// Tell is called before each measurement with its place among all; may be nil.
	Tell func(done, total int, k Kernel)
}

// TimeKernels times each convolution and matrix product that the steps of the networks contain, in the shapes that the
// compiler gave them, on random numbers. direct is a second pool of as many threads that is kept from Winograd's method.
func TimeKernels(ctx context.Context, pool, direct *kernel.Pool, o KernelOptions) (KernelsResult, error) {
	r := KernelsResult{Threads: pool.Threads(), ISA: pool.ISA().String(), Precision: o.Precision.String(), Peak: Peak(pool)}
	if len(o.Nets) == 0 {
		o.Nets = []string{"r18", "small", "resnet50"}
	}
	var all []task
	for _, net := range o.Nets {
		tasks, err := tasksOf(ctx, pool, net, o.Precision, o.Trace)
		if err != nil {
			return r, err
		}
		all = append(all, slices.DeleteFunc(tasks, func(t task) bool { return !strings.Contains(t.line(), o.Filter) })...)
	}
	if len(all) == 0 {
		return r, fault.New(fault.Usage, "leave --filter out to see all kernels, then give a part of a line", "no kernel has %q in its line", o.Filter)
	}
	rounds := max(1, o.Rounds)
	for n := range rounds * len(all) {
		if ctx.Err() != nil {
			return r, fmt.Errorf("time kernels: %w", context.Cause(ctx))
		}
		t := &all[n%len(all)]
		if o.Tell != nil {
			o.Tell(n, rounds*len(all), t.Kernel)
		}
		r.Peak = max(r.Peak, peakWithin(kernel.Peak, pool, peakGlance))
		if pool.DotRate() > 0 {
			r.DotPeak = max(r.DotPeak, peakWithin(kernel.DotPeak, pool, peakGlance))
		}
		t.time(pool, direct)
	}
	var wide []Kernel
	for _, t := range all {
		k := t.against(r.peakOf(t.Algorithm), r.Peak)
		r.Kernels = append(r.Kernels, k)
		if min(t.conv.C, t.conv.K) >= WideChannels {
			wide = append(wide, k)
		}
	}
	r.Shares = sharesOf(wide)
	return r, nil
}

// peakOf is the peak that an algorithm is held against.
func (r KernelsResult) peakOf(algorithm string) float64 {
	if algorithm == kernel.MethodDirectDots || algorithm == kernel.MethodProductDots {
		return r.DotPeak
	}
	return r.Peak
}

// sharesOf sums up convolutions.
func sharesOf(kernels []Kernel) []Share {
	var out []Share
	for _, algorithm := range []string{kernel.MethodDirect, kernel.MethodDirectDots, kernel.MethodProduct, kernel.MethodProductDots, kernel.MethodWinograd} {
		for _, direction := range []string{Forward, BackwardData, Weights} {
			var shares []float64
			for _, k := range kernels {
				switch {
				case k.Direction != direction:
				case k.Algorithm == algorithm:
					shares = append(shares, k.PeakShare)
				case k.Direct != nil && algorithm == kernel.MethodDirect:
					shares = append(shares, k.Direct.PeakShare)
				}
			}
			if len(shares) > 0 {
				out = append(out, Share{algorithm, direction, len(shares), slices.Min(shares), middle(shares), slices.Max(shares)})
			}
		}
	}
	return out
}

// task is a kernel to time: a convolution, or a product.
type task struct {
	Kernel
	conv kernel.Conv
	gemm kernel.GemmArgs
	half [3]bool // which of two operands and the result are stored in bfloat16

	flop, ms, directMs, memoryMs float64
}

func (k Kernel) line() string {
	return strings.Join([]string{k.Net, k.Op, k.Direction, k.Shape, k.Algorithm}, " ")
}

// tasksOf lists the kernels of a network's step, one for each shape.
func tasksOf(ctx context.Context, pool *kernel.Pool, net string, precision engine.Precision, trace Tracer) ([]task, error) {
	s, err := buildStep(ctx, pool, StepOptions{Net: net, Precision: precision, Steps: 1, Trace: trace})
	if err != nil {
		return nil, err
	}
	if err := s.compile(); err != nil {
		return nil, err
	}
	var tasks []task
	for _, in := range s.plan.Instrs {
		t, ok := taskOf(s.plan, in)
		if !ok {
			continue
		}
		t.Net = net
		if t.Direction != "" {
			t.Algorithm = t.method(pool)
		}
		at := slices.IndexFunc(tasks, func(o task) bool { return o.line() == t.line() })
		if at < 0 {
			at = len(tasks)
			tasks = append(tasks, t)
		}
		tasks[at].Calls++
	}
	slices.SortStableFunc(tasks, func(a, b task) int {
		return cmp.Or(cmp.Compare(a.Op, b.Op), cmp.Compare(direction(a), direction(b)), cmp.Compare(b.conv.H, a.conv.H))
	})
	return tasks, nil
}

func direction(t task) int {
	return slices.Index([]string{Forward, BackwardData, Weights, ""}, t.Direction)
}

// taskOf is the kernel of an instruction, if it has one.
func taskOf(p *engine.Plan, in engine.Instr) (task, bool) {
	var t task
	switch in.Kind {
	case expr.MatMul:
		g := cpu.Product(p, in)
		t.gemm, t.Algorithm = g, kernel.MethodProduct
		t.Op, t.Shape = "matmul"+transposed(g.TransA, g.TransB), fmt.Sprintf("%dx%dx%d", g.M, g.N, g.K)
		return t, true
	case expr.Conv2D:
		t.Direction = Forward
	case expr.Conv2DGradX:
		t.Direction = BackwardData
	case expr.Conv2DGradW:
		t.Direction = Weights
	default:
		return t, false
	}
	t.conv = cpu.Convolution(p, in)
	for i, id := range []engine.ID{in.In[0], in.In[1], in.Out[0]} {
		t.half[i] = p.Values[id].Type == engine.BFloat16
	}
	c := t.conv
	t.Op = fmt.Sprintf("conv %dx%d/%d", c.R, c.S, c.Stride)
	t.Shape = fmt.Sprintf("%dx%dx%dx%d to %d", c.N, c.H, c.W, c.C, c.K)
	return t, true
}

// method is the way in which a convolution is computed.
func (t task) method(p *kernel.Pool) string {
	stored := func(i int) kernel.Array {
		if t.half[i] {
			return kernel.Halves([]kernel.BF16{})
		}
		return kernel.Floats(nil)
	}
	switch t.Direction {
	case BackwardData:
		return t.conv.BackwardDataMethod(p, stored(0))
	case Weights:
		return t.conv.BackwardWeightsMethod(p, stored(0), stored(1))
	}
	return t.conv.ForwardMethod(p, stored(0))
}

func transposed(a, b bool) string {
	switch {
	case a && b:
		return " AᵀBᵀ"
	case a:
		return " AᵀB"
	case b:
		return " ABᵀ"
	}
	return " AB"
}

// time measures the kernel, its direct twin where it takes another way, and its operands' way through memory, and keeps the
// times that are the best so far.
func (t *task) time(pool, direct *kernel.Pool) {
	call, o, flop := t.call()
	t.flop = flop
	t.ms = better(t.ms, best(func() { call(pool) }))
	t.memoryMs = better(t.memoryMs, best(func() { o.pass(pool) }))
	if t.Algorithm == kernel.MethodWinograd {
		t.directMs = better(t.directMs, best(func() { call(direct) }))
	}
}

// better is the smaller time, where there was one before.
func better(before, now float64) float64 {
	if before == 0 {
		return now
	}
	return min(before, now)
}

// against is the kernel with its times, set against the peak, and its direct twin against that of float32.
func (t task) against(peak, directPeak float64) Kernel {
	k := t.Kernel
	k.Ms, k.GFlops = t.ms, t.flop/t.ms/1e6
	k.PeakShare, k.MemoryShare = k.GFlops/peak, t.flop/t.memoryMs/1e6/peak
	if t.directMs > 0 {
		gflops := t.flop / t.directMs / 1e6
		k.Direct = &Direct{Ms: t.directMs, GFlops: gflops, PeakShare: gflops / directPeak, Speedup: t.directMs / t.ms}
	}
	return k
}

// call is the kernel on random numbers, these, and its arithmetic.
func (t task) call() (f func(p *kernel.Pool), o operands, flop float64) {
	if t.Direction == "" {
		g := t.gemm
		g.A, g.B, g.C = noise(g.M*g.K), noise(g.K*g.N), kernel.Alloc(g.M*g.N)
		o = operands{read: [2][]float32{g.A, g.B}, write: g.C}
		return func(p *kernel.Pool) { kernel.Gemm(p, g) }, o, 2 * float64(g.M) * float64(g.N) * float64(g.K)
	}
	c := t.conv
	oh, ow := c.OutSize()
	x, w, y := c.N*c.H*c.W*c.C, c.R*c.S*c.C*c.K, c.N*oh*ow*c.K
	flop = 2 * float64(y) * float64(c.R*c.S*c.C)
	switch t.Direction {
	case BackwardData:
		o, a, _, out := t.operands(y, w, x)
		return func(p *kernel.Pool) { c.BackwardDataOf(p, a, o.read[1], out) }, o, flop
	case Weights:
		o, a, b, _ := t.operands(x, y, w)
		return func(p *kernel.Pool) { c.BackwardWeightsOf(p, a, b, o.write) }, o, flop
	}
	o, a, _, out := t.operands(x, w, y)
	return func(p *kernel.Pool) { c.ForwardOf(p, a, o.read[1], out) }, o, flop
}

// operands are two tensors and a result of so many numbers, as they are stored.
func (t task) operands(reads, alsoReads, writes int) (o operands, a, b, out kernel.Array) {
	o.read[0], a = stored(noise(reads), t.half[0])
	o.read[1], b = stored(noise(alsoReads), t.half[1])
	o.write, out = stored(kernel.Alloc(writes), t.half[2])
	return o, a, b, out
}

// stored is a tensor, and its memory, in float32 or rounded to bfloat16.
func stored(x []float32, half bool) (memory []float32, a kernel.Array) {
	if !half {
		return x, kernel.Floats(x)
	}
	memory = kernel.Alloc((len(x) + 1) / 2)
	halves := kernel.ViewBF16(memory, len(x))
	for i, v := range x {
		halves[i] = kernel.Round(v)
	}
	return memory, kernel.Halves(halves)
}

// noise is n normal numbers, one stretch of them again and again.
func noise(n int) []float32 {
	out := kernel.Alloc(n)
	r := rand.New(rand.NewPCG(1, 0))
	for i := range min(n, 1<<14) {
		out[i] = float32(r.NormFloat64())
	}
	for filled := min(n, 1<<14); filled < n; filled *= 2 {
		copy(out[filled:], out[:filled])
	}
	return out
}

// How often a kernel is called: at least fewest times after one to warm up, and on for enough time.
const (
	fewest = 4
	enough = 60 * time.Millisecond
)

// best is the time of the quickest call in milliseconds.
func best(f func()) float64 {
	f()
	least := math.Inf(1)
	begin := time.Now()
	for i := 0; i < fewest || time.Since(begin) < enough; i++ {
		start := time.Now()
		f()
		least = min(least, 1e3*time.Since(start).Seconds())
	}
	return least
}
