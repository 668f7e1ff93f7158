package cuda

import (
	"fmt"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
	"github.com/sslctl/sslctl/core/engine/cuda/library"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

var _ library.Device = (*Executable)(nil)

// Launch puts a kernel that the libraries ask for on the stream.
func (e *Executable) Launch(c kernels.Call) error { return e.launch(c, nil) }

// launchAll launches the kernels of an instruction.
func (e *Executable) launchAll(l kernels.Lowered) error {
	scratch := make([]drv.Ptr, len(l.Scratch))
	at := e.workspace
	for i, bytes := range l.Scratch {
		scratch[i] = at
		at += drv.Ptr(aligned(bytes))
	}
	for _, c := range l.Calls {
		if err := e.launch(c, scratch); err != nil {
			return err
		}
	}
	return nil
}

func (e *Executable) launch(c kernels.Call, scratch []drv.Ptr) error {
	f, err := e.function(c.Kernel)
	if err != nil {
		return err
	}
	return e.device.compute.Launch(f, e.resolve(c, scratch))
}

// resolve gives a call its addresses.
func (e *Executable) resolve(c kernels.Call, scratch []drv.Ptr) drv.Launch {
	l := drv.Launch{Grid: c.Grid, Block: c.Block}
	for _, a := range c.Args {
		l.Args = append(l.Args, e.argument(a, scratch))
	}
	return l
}

// function finds a kernel, once.
func (e *Executable) function(name string) (*drv.Function, error) {
	if f, ok := e.functions[name]; ok {
		return f, nil
	}
	f, err := e.module.Function(name)
	if err != nil {
		return nil, err
	}
	e.functions[name] = f
	return f, nil
}

func (e *Executable) argument(arg kernels.Arg, scratch []drv.Ptr) drv.Arg {
	switch a := arg.(type) {
	case kernels.Address:
		return drv.Pointer(e.Address(engine.ID(a)))
	case kernels.Scratch:
		return drv.Pointer(scratch[a])
	case kernels.Table:
		return drv.Pointer(e.tables[&a[0]])
	case kernels.Buffer:
		return drv.Pointer(e.library.Buffer(a))
	case kernels.Int32:
		return drv.Int32(int32(a))
	case kernels.Int64:
		return drv.Int64(int64(a))
	case kernels.Float32:
		return drv.Float32(float32(a))
	}
	panic(fmt.Sprintf("argument of type %T", arg)) // package kernels has no other
}
