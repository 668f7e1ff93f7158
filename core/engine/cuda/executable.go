package cuda

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
	"github.com/sslctl/sslctl/core/engine/cuda/library"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/sdk/expr"
)

// Executable is a plan with its memory on the GPU.
type Executable struct {
	device    *Device
	plan      *engine.Plan
	library   *library.Plan            // what libraries compute
	groups    []launches               // all instructions in the order of launches
	tables    map[*kernels.Arg]drv.Ptr // of kernels, by their first word
	module    *drv.Module
	functions map[string]*drv.Function
	segments  []*segment

	inputs           map[engine.ID]*input
	results          map[engine.ID]*result
	arena, workspace drv.Ptr

	uploaded *drv.Event // all staged inputs have arrived in the upload buffers
	taken    *drv.Event // the run has taken them out
	done     *drv.Event // of the last run
	staged   bool
	running  bool
	valid    bool // the last run went well, so that results are its
	runs     int
	failed   error // of a reading, to be told by the next call that can

	reserved []drv.Ptr
	bytes    int // reserved
	pinned   [][]byte
	shared   map[*float32]shared // with plugins, by the first number
	closed   bool
}

var _ engine.Pipelined = (*Executable)(nil)

// result is an output's place on the host.
type result struct {
	memory []byte
	small  bool // arrives with each run
	run    int  // whose value it has, where it is not small
}

// Run computes the outputs and the updates, and waits for them.
func (e *Executable) Run(ctx context.Context) error {
	return errors.Join(e.Start(ctx), e.Wait())
}

// Start begins a run: it returns when the GPU has been told everything, which is at once, but for custom ops, whose operands it
// waits for.
func (e *Executable) Start(ctx context.Context) error {
	if err := errors.Join(ctx.Err(), e.ready(), e.told()); err != nil {
		return err
	}
	return e.device.attached(func() error { return e.start(ctx) })
}

func (e *Executable) start(ctx context.Context) error {
	if err := e.stage(); err != nil {
		return err
	}
	if err := e.admit(); err != nil {
		return err
	}
	e.valid = false
	s := e.device.compute
	for _, g := range e.segments {
		if err := g.start(s); err != nil {
			return err
		}
		if g.host == nil {
			continue
		}
		// Updates come after the last op of the host, so that here a run can still end without a trace.
		if err := g.host.compute(s); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	e.running, e.runs = true, e.runs+1
	return s.Record(e.done)
}

// Wait waits for the run that was started, if any, and tells how it went.
func (e *Executable) Wait() error {
	if err := e.told(); err != nil || !e.running {
		return err
	}
	e.running = false
	err := e.device.attached(e.done.Synchronize)
	e.valid = err == nil
	return err
}

// told is the error of an earlier reading.
func (e *Executable) told() error {
	err := e.failed
	e.failed = nil
	return err
}

// Read is the memory of an output or input. After a run that failed, and where the GPU fails now, numbers are NaN; the next
// Start, Wait or Fetch tells why.
func (e *Executable) Read(t expr.Tensor) []float32 {
	id, ok := e.plan.Find(t)
	if !ok {
		return nil
	}
	if err := e.Wait(); err != nil {
		e.failed = err
	}
	if in, isInput := e.inputs[id]; isInput && in.views == nil {
		return e.readInput(id, in)
	}
	if !e.valid {
		return e.unknown(id)
	}
	r, err := e.resultOf(id)
	if err != nil {
		e.failed = err
		return e.unknown(id)
	}
	return floats(r.memory)
}

// resultOf brings a result to the host, once a run.
func (e *Executable) resultOf(id engine.ID) (*result, error) {
	r := e.results[id]
	if r != nil && (r.small || r.run == e.runs) {
		return r, nil
	}
	err := e.device.attached(func() error {
		if r == nil {
			memory, err := e.pin(e.plan.Values[id].Bytes())
			if err != nil {
				return err
			}
			r = &result{memory: memory}
			e.results[id] = r
		}
		if err := e.device.compute.CopyOut(r.memory, e.Address(id)); err != nil {
			return err
		}
		return e.device.compute.Synchronize()
	})
	if err != nil {
		return nil, fmt.Errorf("read a result: %w", err)
	}
	r.run = e.runs
	return r, nil
}

// readInput is the caller's memory of an input, with the value that an update gave it.
func (e *Executable) readInput(id engine.ID, in *input) []float32 {
	if e.plan.Updated(id) && in.host != nil {
		err := e.device.attached(func() error {
			if err := e.bringBack(id); err != nil {
				return err
			}
			return e.device.compute.Synchronize()
		})
		if err != nil {
			e.failed = fmt.Errorf("read an input: %w", err)
		}
	}
	return in.host
}

// unknown are numbers in place of those that could not be read.
func (e *Executable) unknown(id engine.ID) []float32 {
	return slices.Repeat([]float32{float32(math.NaN())}, e.plan.Values[id].Size())
}

// forget drops an executable that is closed.
func (d *Device) forget(e *Executable) {
	d.loaded = slices.DeleteFunc(d.loaded, func(other *Executable) bool { return other == e })
}
