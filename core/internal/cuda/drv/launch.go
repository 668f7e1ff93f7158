package drv

import (
	"fmt"
	"math"
	"unsafe"
)

// Arg is an argument of a kernel.
type Arg struct{ bits uint64 }

// Pointer is an argument of any pointer type.
func Pointer(p Ptr) Arg { return Arg{uint64(p)} }

// Int32 is an argument of type int.
func Int32(v int32) Arg { return Arg{uint64(uint32(v))} }

// Int64 is an argument of type long long.
func Int64(v int64) Arg { return Arg{uint64(v)} }

// Float32 is an argument of type float.
func Float32(v float32) Arg { return Arg{uint64(math.Float32bits(v))} }

// Launch is how a kernel is started.
type Launch struct {
	Grid, Block [3]uint32 // blocks of the grid, threads of a block; each at least 1
	Shared      uint32    // bytes of dynamic shared memory; above 48 KiB Function.AllowShared comes first
	Args        []Arg     // in the order of the kernel's parameters, and of their types: nothing checks them
}

// maxArgs bounds the arguments of a kernel here; CUDA's own bound is 4096 bytes.
const maxArgs = 256

// params is where the arguments of a launch lie while the driver reads them: outside of Go's memory, because the driver gets the
// slots' addresses as numbers. A parameter is little-endian in a slot of eight bytes, so that a slot holds each type.
type params struct {
	slots     [maxArgs]uint64
	addresses [maxArgs]unsafe.Pointer
}

// newParams lays the parameters out in page-locked memory, which it returns too, to be freed.
func (c *Context) newParams() (*params, []byte, error) {
	memory, err := c.AllocHost(int(unsafe.Sizeof(params{})))
	if err != nil {
		return nil, nil, err
	}
	p := (*params)(unsafe.Pointer(unsafe.SliceData(memory)))
	for i := range p.slots {
		p.addresses[i] = unsafe.Pointer(&p.slots[i])
	}
	return p, memory, nil
}

// Launch starts a kernel. The arguments are read before it returns.
func (s *Stream) Launch(f *Function, l Launch) error {
	if len(l.Args) > maxArgs {
		return fmt.Errorf("kernel %s: %d arguments; at most %d can be passed", f.name, len(l.Args), maxArgs)
	}
	for i, a := range l.Args {
		s.params.slots[i] = a.bits
	}
	err := s.context.driver.call("cuLaunchKernel", f.handle,
		uintptr(l.Grid[0]), uintptr(l.Grid[1]), uintptr(l.Grid[2]), uintptr(l.Block[0]), uintptr(l.Block[1]), uintptr(l.Block[2]),
		uintptr(l.Shared), s.handle, uintptr(unsafe.Pointer(&s.params.addresses)), 0)
	if err != nil {
		return fmt.Errorf("kernel %s, grid %v, block %v: %w", f.name, l.Grid, l.Block, err)
	}
	return nil
}
