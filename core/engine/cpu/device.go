// Package cpu runs plans on the processor with the kernels of cpu/kernel. Results do not depend on the number of threads.
package cpu

import (
	"context"
	"fmt"
	"time"
	"unsafe"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/sdk/expr"
)

// Device is the processor; its executables share one pool of workers and must not run at the same time.
type Device struct {
	pool     *kernel.Pool
	recorder *kernel.Recorder
}

var _ engine.Device = (*Device)(nil)

// New makes a device on a pool, which stays the caller's.
func New(pool *kernel.Pool) *Device { return &Device{pool, pool.NewRecorder()} }

// Name is "cpu".
func (d *Device) Name() string { return "cpu" }

// Close does nothing: the pool is the caller's.
func (d *Device) Close() {}

// Load chooses a kernel for each instruction and allocates the arena. The first run records the kernels and allocates their
// scratch memory, which all of the device's executables share; later ones replay the recordings and allocate nothing.
func (d *Device) Load(p *engine.Plan) (engine.Executable, error) {
	e := &Executable{plan: p, pool: d.recorder.Pool(), workers: d.pool, recorder: d.recorder,
		drains: make([]Drain, len(p.Values)), data: make([][]float32, len(p.Values)), halves: make([][]kernel.BF16, len(p.Values)), inputs: p.Inputs(), bound: make([]bool, len(p.Values))}
	e.place(kernel.Alloc(p.Arena / engine.Float32.Bytes()))
	for i := 0; i < len(p.Instrs); i = len(e.calls) {
		if err := e.load(i); err != nil {
			return nil, fmt.Errorf("instruction %d: %w", i, err)
		}
	}
	e.stale, e.readers, e.updates = make([]bool, len(e.calls)), p.Readers(), p.FirstUpdate()
	return e, nil
}

// load makes the call of instruction i and, if it is a convolution, of what its tasks do as well.
func (e *Executable) load(i int) error {
	in := e.plan.Instrs[i]
	if e.plan.Values[in.Out[0]].Passing {
		e.calls, e.leaders = append(e.calls, e.passing(in, e.plan.Instrs[i+1]), func() {}), append(e.leaders, i, i)
		return nil
	}
	f := e.following(i)
	run, err := e.call(in, f)
	if err != nil {
		return err
	}
	e.calls, e.leaders = append(e.calls, run), append(e.leaders, i)
	for range f.count() {
		e.calls, e.leaders = append(e.calls, func() {}), append(e.leaders, i)
	}
	return nil
}

func (e *Executable) call(in engine.Instr, f following) (func(), error) {
	if f.count() > 0 {
		return e.followed(in, f)
	}
	return e.lower(in)
}

// place gives the computed values their memory in the arena.
func (e *Executable) place(arena []float32) {
	computed := make([]bool, len(e.plan.Values))
	for _, in := range e.plan.Instrs {
		for _, id := range in.Out {
			computed[id], computed[e.plan.Values[id].Store] = true, true
		}
	}
	for id, v := range e.plan.Values {
		if !computed[id] && !computed[v.Store] || e.plan.Values[v.Store].Input != "" || v.Passing {
			continue // an input's memory is the caller's, also for an update that is computed there
		}
		at := e.plan.Values[v.Store].Offset / engine.Float32.Bytes()
		if v.Type == engine.BFloat16 {
			e.halves[id] = kernel.ViewBF16(arena[at:], v.Size())
		} else {
			e.data[id] = arena[at : at+v.Size()]
		}
	}
}

// Executable is a plan with its memory.
type Executable struct {
	plan     *engine.Plan
	pool     *kernel.Pool // the recorder's
	workers  *kernel.Pool
	recorder *kernel.Recorder
	data     [][]float32     // of each value stored in float32
	halves   [][]kernel.BF16 // of each value stored in bfloat16
	inputs   []engine.ID
	bound    []bool
	calls    []func()           // kernels of each instruction
	leaders  []int              // the instruction whose call does what each one asks for
	steps    []kernel.Recording // the same recorded, once all inputs were bound
	stale    []bool             // an input was bound anew since the recording
	readers  [][]int            // of each input: instructions
	spent    []time.Duration    // of each instruction, where timing is on
	drains   []Drain            // of each sink, at its first result
	failed   error              // of the run in progress
	updates  int                // the first instruction after which a run goes on to its end
}

// Bind gives an input its memory, which is read at each run.
func (e *Executable) Bind(t expr.Tensor, data []float32) error {
	id, err := e.plan.Slot(t, len(data), false)
	if err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	e.use(id, data)
	return nil
}

// Hold gives an input its memory, in which it is also updated.
func (e *Executable) Hold(t expr.Tensor, data []float32) error {
	id, err := e.plan.Slot(t, len(data), true)
	if err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	e.use(id, data)
	return nil
}

// use makes data the memory of an input and of its views.
func (e *Executable) use(id engine.ID, data []float32) {
	if e.bound[id] && unsafe.SliceData(e.data[id]) == unsafe.SliceData(data) {
		return
	}
	e.bound[id] = true
	for other, w := range e.plan.Values {
		if w.Store == id {
			e.data[other] = data
		}
	}
	for _, i := range e.readers[id] {
		e.stale[e.leaders[i]] = true
	}
}

// Fetch does nothing: inputs are updated in the memory by which they are held.
func (e *Executable) Fetch(context.Context) error { return nil }

// Close does nothing: memory is Go's.
func (e *Executable) Close() {}

// Run computes the outputs and the updates.
func (e *Executable) Run(ctx context.Context) error {
	for _, id := range e.inputs {
		if !e.bound[id] {
			return fmt.Errorf("run: input %q is not bound", e.plan.Values[id].Input)
		}
	}
	if err := e.drained(); err != nil {
		return err
	}
	e.record()
	e.failed = nil
	for i, step := range e.steps {
		if err := ctx.Err(); err != nil && i <= e.updates {
			return err
		}
		if e.spent == nil {
			e.workers.Replay(step)
		} else {
			start := time.Now()
			e.workers.Replay(step)
			e.spent[i] += time.Since(start)
		}
		if e.failed != nil {
			return fmt.Errorf("instruction %d: %w", i, e.failed)
		}
	}
	for _, u := range e.plan.Updates {
		if e.plan.Values[u.Value].Store != u.Input {
			copy(e.data[u.Input], e.data[u.Value])
		}
	}
	return nil
}

// record records what was not or no longer is. The first time it does so twice: scratch memory has its final size, and
// all recordings have the same, once every kernel has asked for it.
func (e *Executable) record() {
	if e.steps == nil {
		e.steps = make([]kernel.Recording, len(e.calls))
		for i, call := range e.calls {
			e.recorder.Record(call)
			e.stale[i] = true
		}
	}
	for i, stale := range e.stale {
		if stale {
			e.steps[i] = e.recorder.Record(e.calls[i])
			e.stale[i] = false
		}
	}
}

// Read is the memory of an output or bound input.
func (e *Executable) Read(t expr.Tensor) []float32 {
	id, ok := e.plan.Find(t)
	if !ok {
		return nil
	}
	return e.data[id]
}

// Time starts to measure the instructions; Spent is the time of each since then.
func (e *Executable) Time() { e.spent = make([]time.Duration, len(e.calls)) }

// Spent is the time of each instruction since Time; nil without. What a convolution's tasks do for the instructions that
// follow it counts as its own.
func (e *Executable) Spent() []time.Duration { return e.spent }
