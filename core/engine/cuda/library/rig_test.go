package library

import (
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
	"github.com/sslctl/sslctl/core/internal/cuda/devicetest"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc"
)

// rig runs what the fake libraries compute of a plan, on the fake driver.
type rig struct {
	*devicetest.Device
	libraries *Libraries
	plan      *engine.Plan
	places    map[engine.ID]drv.Ptr // of stores
	computed  *Plan
	module    *drv.Module
}

// open opens the libraries of a search; nil for the device's.
func open(t *testing.T, d *devicetest.Device, search dl.Search, o Options) *Libraries {
	t.Helper()
	if search == nil {
		search = d.Search()
	}
	l := Open(search, d.Context, d.Stream, o)
	t.Cleanup(func() { d.Check(l.Close()) })
	return l
}

// load plans, and gives every store memory of its own.
func load(t *testing.T, d *devicetest.Device, l *Libraries, p *engine.Plan) *rig {
	t.Helper()
	r := &rig{Device: d, libraries: l, plan: p}
	d.Check(r.load(t))
	return r
}

func (r *rig) load(t *testing.T) (err error) {
	r.places = map[engine.ID]drv.Ptr{}
	for id, v := range r.plan.Values {
		if v.Store == engine.ID(id) {
			r.places[v.Store] = r.Alloc(v.Bytes())
		}
	}
	if r.computed, err = r.libraries.Plan(r.plan); err == nil {
		t.Cleanup(func() { r.Check(r.computed.Close()) })
	}
	return err
}

// live goes the whole way from planning to the last instruction, whose kernels are not launched.
func (r *rig) live(t *testing.T) error {
	if err := r.load(t); err != nil {
		return err
	}
	if err := r.computed.Prepare(r); err != nil {
		return err
	}
	return r.enqueue()
}

// compile compiles the plan's kernels, where it has some.
func (r *rig) compile(t *testing.T) {
	t.Helper()
	if len(r.computed.Source()) == 0 {
		return
	}
	newest, _ := r.Driver.Version()
	compiler, err := nvrtc.Open(r.Search(), newest)
	r.Check(err)
	cubin, _, err := compiler.Compile(kernels.Unit(r.computed.Source()...), r.Arch)
	r.Check(err)
	r.module, err = r.Context.Load(cubin)
	r.Check(err)
	t.Cleanup(func() { r.Check(r.module.Close()) })
}

// Address is where a value lives.
func (r *rig) Address(id engine.ID) drv.Ptr { return r.places[r.plan.Values[id].Store] }

// Launch launches a kernel, where kernels were compiled.
func (r *rig) Launch(c kernels.Call) error {
	if r.module == nil {
		return nil
	}
	f, err := r.module.Function(c.Kernel)
	if err != nil {
		return err
	}
	l := drv.Launch{Grid: c.Grid, Block: c.Block}
	for _, arg := range c.Args {
		switch a := arg.(type) {
		case kernels.Address, kernels.Buffer:
			l.Args = append(l.Args, drv.Pointer(r.computed.place(a, r)))
		case kernels.Int32:
			l.Args = append(l.Args, drv.Int32(int32(a)))
		case kernels.Int64:
			l.Args = append(l.Args, drv.Int64(int64(a)))
		}
	}
	return r.Stream.Launch(f, l)
}

// enqueue puts all instructions on the stream that the libraries compute.
func (r *rig) enqueue() error {
	for i := range r.plan.Instrs {
		if err := r.computed.Enqueue(i, r); err != nil {
			return err
		}
	}
	return nil
}

// storage of a value.
func (r *rig) storage(id engine.ID) devicetest.Storage {
	if r.plan.Values[id].Type == engine.BFloat16 {
		return devicetest.BFloat16
	}
	return devicetest.Float32
}

// write brings numbers to a value.
func (r *rig) write(id engine.ID, values []float32) {
	r.Write(r.Address(id), values, r.storage(id))
}

// read brings a value's numbers back.
func (r *rig) read(id engine.ID) []float32 {
	return r.Read(r.Address(id), r.plan.Values[id].Size(), r.storage(id))
}
