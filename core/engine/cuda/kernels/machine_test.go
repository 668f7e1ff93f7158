package kernels_test

import (
	"encoding/binary"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
	"github.com/sslctl/sslctl/core/internal/cuda/devicetest"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc"
	"github.com/sslctl/sslctl/sdk/expr"
)

// machine is a device with a compiled unit, without a device's economies: the fake, or a GPU.
type machine struct {
	*devicetest.Device
	t    *testing.T
	unit *drv.Module
}

// newMachine compiles the kernels of several computations at once.
func newMachine(t *testing.T, all ...*computation) *machine {
	t.Helper()
	m := &machine{Device: devicetest.Open(t), t: t}
	compiler, err := nvrtc.Open(m.Search(), nvrtc.Newest)
	m.Check(err)
	cubin, _, err := compiler.Compile(unit(all...), m.Arch)
	m.Check(err)
	m.unit, err = m.Context.Load(cubin)
	m.Check(err)
	t.Cleanup(func() { m.Check(m.unit.Close()) })
	return m
}

// unit is what computations need to have compiled.
func unit(all ...*computation) string {
	var sources []string
	for _, c := range all {
		for _, l := range c.lowered {
			sources = append(sources, l.Source...)
		}
	}
	return kernels.Unit(sources...)
}

// memory is where the values and buffers of a run live. On the fake reading what nobody wrote gives NaN, and writing outside fails
// the launch.
type memory struct {
	*machine
	plan   *engine.Plan
	arena  drv.Ptr
	inputs map[engine.ID]drv.Ptr
	owned  []drv.Ptr
}

func (m *memory) alloc(bytes int) drv.Ptr {
	m.t.Helper()
	p, err := m.Context.Alloc(max(bytes, 1))
	m.Check(err)
	m.owned = append(m.owned, p)
	return p
}

func (m *memory) free() {
	m.t.Helper()
	for _, p := range m.owned {
		m.Check(m.Context.Free(p))
	}
}

// address is where a value lives: in the arena, whose end is that of the last value, or at an input's own place.
func (m *memory) address(id engine.ID) drv.Ptr {
	v := m.plan.Values[m.plan.Values[id].Store]
	if v.Input != "" {
		return m.inputs[m.plan.Values[id].Store]
	}
	return m.arena + drv.Ptr(v.Offset)
}

func (m *memory) argument(a kernels.Arg, scratch []drv.Ptr) drv.Arg {
	switch a := a.(type) {
	case kernels.Address:
		return drv.Pointer(m.address(engine.ID(a)))
	case kernels.Scratch:
		return drv.Pointer(scratch[a])
	case kernels.Table:
		return drv.Pointer(m.table(a))
	case kernels.Int32:
		return drv.Int32(int32(a))
	case kernels.Int64:
		return drv.Int64(int64(a))
	}
	return drv.Float32(float32(a.(kernels.Float32)))
}

func (m *memory) table(words kernels.Table) drv.Ptr {
	var data []byte
	for _, w := range words {
		switch w := w.(type) {
		case kernels.Address:
			data = binary.LittleEndian.AppendUint64(data, uint64(m.address(engine.ID(w))))
		case kernels.Int64:
			data = binary.LittleEndian.AppendUint64(data, uint64(w))
		}
	}
	p := m.alloc(len(data))
	m.Check(m.Stream.CopyIn(p, data), m.Stream.Synchronize())
	return p
}

// launch runs an instruction with scratch buffers of its own.
func (m *memory) launch(l kernels.Lowered) {
	m.t.Helper()
	var scratch []drv.Ptr
	for _, bytes := range l.Scratch {
		scratch = append(scratch, m.alloc(bytes))
	}
	for _, c := range l.Calls {
		f, err := m.unit.Function(c.Kernel)
		m.Check(err)
		var args []drv.Arg
		for _, a := range c.Args {
			args = append(args, m.argument(a, scratch))
		}
		m.Check(m.Stream.Launch(f, drv.Launch{Grid: c.Grid, Block: c.Block, Args: args}))
	}
}

// computation is a plan with values for its inputs, lowered.
type computation struct {
	name            string
	plan            *engine.Plan
	groups          [][]int
	lowered         []kernels.Lowered
	inputs, outputs []expr.Tensor
	updates         []expr.Tensor // the values of the plan's updates
	values          [][]float32   // of inputs
}

// lower lowers the groups of a plan.
func lower(t *testing.T, plan *engine.Plan, groups [][]int) []kernels.Lowered {
	t.Helper()
	var all []kernels.Lowered
	for _, g := range groups {
		l, err := kernels.Lower(plan, g...)
		if err != nil {
			t.Fatalf("%v\n%v", err, plan)
		}
		all = append(all, l)
	}
	return all
}

func newComputation(t *testing.T, name string, plan *engine.Plan, inputs, outputs []expr.Tensor, values [][]float32) *computation {
	t.Helper()
	c := &computation{name: name, plan: plan, groups: kernels.Groups(plan, nowhere), inputs: inputs, outputs: outputs, values: values}
	c.lowered = lower(t, plan, c.groups)
	return c
}

// nowhere says that kernels compute all instructions.
func nowhere(int) bool { return false }

// run computes the outputs, and the inputs that the plan has updated stand behind them.
func (m *machine) run(c *computation) [][]float32 {
	m.t.Helper()
	mem := &memory{machine: m, plan: c.plan, inputs: map[engine.ID]drv.Ptr{}}
	defer mem.free()
	size := 0
	for _, v := range c.plan.Values {
		if v.Input == "" {
			size = max(size, v.Offset+v.Bytes())
		}
	}
	mem.arena = mem.alloc(size)
	for i, t := range c.inputs {
		if id, ok := c.plan.Find(t); ok && c.plan.Values[id].Input != "" {
			mem.inputs[id] = mem.alloc(c.plan.Values[id].Bytes())
			m.Write(mem.inputs[id], c.values[i], storage(c.plan.Values[id]))
		}
	}
	for _, l := range c.lowered {
		mem.launch(l)
	}
	var out [][]float32
	for _, t := range c.outputs {
		id, ok := c.plan.Find(t)
		if !ok {
			m.t.Fatalf("%s: the plan does not compute an output of shape %v", c.name, t.Shape())
		}
		out = append(out, mem.read(id))
	}
	for _, u := range c.plan.Updates {
		out = append(out, mem.read(u.Value))
	}
	return out
}

func (m *memory) read(id engine.ID) []float32 {
	m.t.Helper()
	v := m.plan.Values[id]
	return m.Read(m.address(id), v.Size(), storage(v))
}

// storage of a value.
func storage(v engine.Value) devicetest.Storage {
	if v.Type == engine.BFloat16 {
		return devicetest.BFloat16
	}
	return devicetest.Float32
}
