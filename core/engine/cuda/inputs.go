package cuda

import (
	"context"
	"errors"
	"fmt"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/sdk/expr"
)

// input is an input's place on the device, and the caller's memory.
type input struct {
	at   drv.Ptr
	host []float32 // nil: not bound
	held bool
	// stale: a held input's memory has not been read yet.
	stale bool
	// upload and pinned are a bound input's way to the device.
	upload drv.Ptr
	pinned []byte
	views  *viewMaker // in place of memory, where the device makes the input
}

// Bind gives an input its memory, which is read at each run, by Stage or else by Start.
func (e *Executable) Bind(t expr.Tensor, data []float32) error {
	id, err := e.plan.Slot(t, len(data), false)
	if err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	in := e.inputs[id]
	if in.views != nil {
		return fmt.Errorf("bind: the device makes the views of input %q", e.plan.Values[id].Input)
	}
	if in.pinned == nil {
		if err := e.device.attached(func() error { return e.openWay(in, 4*len(data)) }); err != nil {
			return err
		}
	}
	in.host, in.held, in.stale = data, false, false
	e.staged = false
	return nil
}

// openWay allocates what a bound input passes through.
func (e *Executable) openWay(in *input, bytes int) (err error) {
	if in.upload, err = e.reserve(bytes); err != nil {
		return err
	}
	in.pinned, err = e.pin(bytes)
	return err
}

// Hold gives an input its memory, which is read at the next run.
func (e *Executable) Hold(t expr.Tensor, data []float32) error {
	id, err := e.plan.Slot(t, len(data), true)
	if err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	in := e.inputs[id]
	in.host, in.held, in.stale = data, true, true
	return nil
}

// bound are the inputs that are read at each run, in the plan's order.
func (e *Executable) bound() []*input {
	var list []*input
	for _, id := range e.plan.Inputs() {
		if in := e.inputs[id]; !in.held {
			list = append(list, in)
		}
	}
	return list
}

// Stage brings what is bound to the device, beside the inputs of the run that is under way.
func (e *Executable) Stage() error {
	if err := e.ready(); err != nil {
		return err
	}
	return e.device.attached(e.stage)
}

func (e *Executable) stage() error {
	list := e.bound()
	if len(list) == 0 || e.staged {
		return nil
	}
	// The page-locked memory is free again when the last copy out of it is done, the upload buffer when the last run has
	// taken its inputs.
	if err := e.uploaded.Synchronize(); err != nil {
		return err
	}
	if err := e.device.copies.Wait(e.taken); err != nil {
		return err
	}
	for _, in := range list {
		if err := e.send(in, e.device.copies); err != nil {
			return err
		}
	}
	e.staged = true
	return e.device.copies.Record(e.uploaded)
}

// send brings a bound input to its upload buffer.
func (e *Executable) send(in *input, s *drv.Stream) error {
	if in.views != nil {
		return e.stageViews(in.views, s)
	}
	copy(in.pinned, bytesOf(in.host))
	return s.CopyIn(in.upload, in.pinned)
}

// admit moves inputs to where the plan reads them: what was staged, and what is held and new.
func (e *Executable) admit() error {
	s := e.device.compute
	if err := e.admitHeld(s); err != nil {
		return err
	}
	if len(e.bound()) == 0 {
		return nil
	}
	if err := s.Wait(e.uploaded); err != nil {
		return err
	}
	for _, id := range e.plan.Inputs() {
		if in := e.inputs[id]; !in.held {
			if err := s.Copy(in.at, in.upload, e.plan.Values[id].Bytes()); err != nil {
				return err
			}
		}
	}
	e.staged = false
	return s.Record(e.taken)
}

// admitHeld copies held inputs that are new. The caller's memory is read before it returns.
func (e *Executable) admitHeld(s *drv.Stream) error {
	copied := false
	for _, id := range e.plan.Inputs() {
		if in := e.inputs[id]; in.held && in.stale {
			if err := s.CopyIn(in.at, bytesOf(in.host)); err != nil {
				return err
			}
			in.stale, copied = false, true
		}
	}
	if !copied {
		return nil
	}
	return s.Synchronize()
}

// ready is an error where an input has no memory.
func (e *Executable) ready() error {
	for _, id := range e.plan.Inputs() {
		in := e.inputs[id]
		if in.views != nil && in.views.parcel == nil {
			return fmt.Errorf("run: no images were sent for input %q", e.plan.Values[id].Input)
		}
		if in.views == nil && in.host == nil {
			return fmt.Errorf("run: input %q is not bound", e.plan.Values[id].Input)
		}
	}
	return nil
}

// Fetch writes the values of updated inputs into the memory by which they are held; memory that was held anew since the last
// run stays as it is.
func (e *Executable) Fetch(ctx context.Context) error {
	if err := errors.Join(ctx.Err(), e.Wait()); err != nil {
		return err
	}
	return e.device.attached(func() error {
		for _, u := range e.plan.Updates {
			if err := e.bringBack(u.Input); err != nil {
				return err
			}
		}
		return e.device.compute.Synchronize()
	})
}

// bringBack copies an updated input to the host; the stream has to be waited for.
func (e *Executable) bringBack(id engine.ID) error {
	in := e.inputs[id]
	if in.host == nil || in.stale {
		return nil
	}
	return e.device.compute.CopyOut(bytesOf(in.host), in.at)
}
