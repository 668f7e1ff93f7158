package cuda

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"gorgonia.org/tensor"

	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// Tensors is the GPU's memory as an engine of gorgonia.org/tensor, so that a *tensor.Dense lives there:
//
//	d, err := cuda.Find(0, cuda.Options{})
//	e := d.Tensors()
//	x := tensor.New(tensor.WithEngine(e), tensor.Of(tensor.Float32), tensor.WithShape(2, 3))
//	err = e.Memcpy(x, onHost)     // up
//	err = tensor.Copy(onHost, x)  // down, or to another tensor on the GPU
//	err = e.Free(x, 0)
//
// The way up is Memcpy, for tensor.Copy asks the engine of what it reads, and the host's cannot write to a GPU. It has memory
// and copies, no arithmetic, which is a plan's ([Device.Load]). Memory is freed by Free or with the device, never by Go's
// collector. It may be used by one goroutine at a time, as the device.
type Tensors struct {
	device *Device
	live   map[uintptr]uintptr // size of each allocation
	err    error               // of Memclr, told by the next call that can
}

var _ tensor.Engine = (*Tensors)(nil)
var _ tensor.NonStdEngine = (*Tensors)(nil)

// Tensors makes an engine on the device.
func (d *Device) Tensors() *Tensors { return &Tensors{device: d, live: map[uintptr]uintptr{}} }

// memory is a place by address and size in bytes, on the device or on the host.
type memory struct {
	at, size uintptr
	host     []byte // keeps memory of Go's alive
}

func (m memory) Uintptr() uintptr { return m.at }
func (m memory) MemSize() uintptr { return m.size }

// AllocAccessible is false: Go cannot read the GPU's memory.
func (e *Tensors) AllocAccessible() bool { return false }

// NonStdAlloc says that the memory is not Go's.
func (e *Tensors) NonStdAlloc() {}

// WorksWith reports whether elements stand in row-major order, one after the other.
func (e *Tensors) WorksWith(order tensor.DataOrder) bool {
	return order.IsRowMajor() && order.IsContiguous()
}

// Alloc allocates bytes on the GPU.
func (e *Tensors) Alloc(size int64) (tensor.Memory, error) {
	if size <= 0 {
		return nil, fmt.Errorf("allocate %d bytes", size)
	}
	var p drv.Ptr
	err := e.do(func() (err error) {
		p, err = e.device.context.Alloc(int(size))
		return err
	})
	if err != nil {
		return nil, err
	}
	e.live[uintptr(p)] = uintptr(size)
	return memory{at: uintptr(p), size: uintptr(size)}, nil
}

// Free frees what Alloc gave; the size is not needed.
func (e *Tensors) Free(mem tensor.Memory, _ int64) error {
	if err := e.forget(mem.Uintptr()); err != nil {
		return err
	}
	return e.do(func() error { return e.device.context.Free(drv.Ptr(mem.Uintptr())) })
}

func (e *Tensors) forget(at uintptr) error {
	if _, ok := e.live[at]; !ok {
		return fmt.Errorf("free: %#x was not allocated on the GPU, or was freed before", at)
	}
	delete(e.live, at)
	return nil
}

// Memset fills memory with a number of the tensor's type.
func (e *Tensors) Memset(mem tensor.Memory, val any) error {
	pattern, err := binary.Append(nil, binary.NativeEndian, val)
	if err != nil || len(pattern) == 0 || int(mem.MemSize())%len(pattern) != 0 {
		return fmt.Errorf("fill %d bytes with %v of type %T", mem.MemSize(), val, val)
	}
	filled := make([]byte, mem.MemSize())
	for at := 0; at < len(filled); at += len(pattern) {
		copy(filled[at:], pattern)
	}
	return e.Memcpy(mem, hostMemory(filled))
}

// Memclr sets memory to zero. Its error is told by the next call.
func (e *Tensors) Memclr(mem tensor.Memory) {
	err := e.do(func() error {
		if err := e.device.compute.Zero(drv.Ptr(mem.Uintptr()), int(mem.MemSize())); err != nil {
			return err
		}
		return e.device.compute.Synchronize()
	})
	if err != nil {
		e.err = err
	}
}

// Memcpy copies as many bytes as both have, up, down, or within the GPU, and waits for it.
func (e *Tensors) Memcpy(dst, src tensor.Memory) error {
	n := min(dst.MemSize(), src.MemSize())
	up, down := e.owns(dst, n), e.owns(src, n)
	return e.do(func() error {
		s := e.device.compute
		var err error
		switch {
		case up && down:
			err = s.Copy(drv.Ptr(dst.Uintptr()), drv.Ptr(src.Uintptr()), int(n))
		case up:
			err = s.CopyIn(drv.Ptr(dst.Uintptr()), bytesAt(src, n))
		case down:
			err = s.CopyOut(bytesAt(dst, n), drv.Ptr(src.Uintptr()))
		default:
			copy(bytesAt(dst, n), bytesAt(src, n))
			return nil
		}
		if err != nil {
			return err
		}
		return s.Synchronize()
	})
}

// Accessible is a copy of the memory that Go can read.
func (e *Tensors) Accessible(mem tensor.Memory) (tensor.Memory, error) {
	m := hostMemory(make([]byte, mem.MemSize()))
	return m, e.Memcpy(m, mem)
}

// owns reports whether n bytes lie in an allocation of the engine's.
func (e *Tensors) owns(mem tensor.Memory, n uintptr) bool {
	for at, size := range e.live {
		if at <= mem.Uintptr() && mem.Uintptr()+n <= at+size {
			return true
		}
	}
	return false
}

// do uses the GPU, after the error of an earlier Memclr was told.
func (e *Tensors) do(use func() error) error {
	if err := e.err; err != nil {
		e.err = nil
		return err
	}
	return e.device.attached(use)
}

func hostMemory(b []byte) memory {
	return memory{at: uintptr(unsafe.Pointer(unsafe.SliceData(b))), size: uintptr(len(b)), host: b}
}

// bytesAt is host memory as bytes. The address of a tensor's memory comes as a number; the tensor keeps it alive.
func bytesAt(mem tensor.Memory, n uintptr) []byte {
	if m, ok := mem.(memory); ok {
		return m.host[:n]
	}
	at := mem.Uintptr()
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), n)
}
