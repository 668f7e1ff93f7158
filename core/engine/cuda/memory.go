package cuda

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// alignment of whatever lies in the block, in bytes: that of a fresh allocation.
const alignment = 256

func aligned(bytes int) int { return (bytes + alignment - 1) / alignment * alignment }

// allocate takes one block for inputs, arena and workspace; the libraries take their own.
func (e *Executable) allocate() error {
	offsets := map[engine.ID]int{}
	total := 0
	for _, id := range e.plan.Inputs() {
		offsets[id] = total
		total += aligned(e.plan.Values[id].Bytes())
	}
	arena := total
	total += aligned(e.plan.Arena)
	block, err := e.reserve(total + e.scratch())
	if err != nil {
		return err
	}
	for id, offset := range offsets {
		e.inputs[id] = &input{at: block + drv.Ptr(offset)}
	}
	e.arena, e.workspace = block+drv.Ptr(arena), block+drv.Ptr(total)
	if err := e.library.Prepare(e); err != nil {
		return e.outOfMemory(e.library.Bytes(), err)
	}
	return e.writeTables()
}

// scratch is the memory in bytes that the neediest instruction's kernels share.
func (e *Executable) scratch() int {
	most := 0
	for _, g := range e.groups {
		bytes := 0
		for _, s := range g.lowered.Scratch {
			bytes += aligned(s)
		}
		most = max(most, bytes)
	}
	return most
}

// Address is where a value lives.
func (e *Executable) Address(id engine.ID) drv.Ptr {
	store := e.plan.Values[id].Store
	if in, ok := e.inputs[store]; ok {
		return in.at
	}
	return e.arena + drv.Ptr(e.plan.Values[store].Offset)
}

// reserve allocates device memory that is freed with the executable.
func (e *Executable) reserve(bytes int) (drv.Ptr, error) {
	if bytes == 0 {
		return 0, nil
	}
	p, err := e.device.context.Alloc(bytes)
	if err != nil {
		return 0, e.outOfMemory(bytes, err)
	}
	e.reserved, e.bytes = append(e.reserved, p), e.bytes+bytes
	return p, nil
}

// outOfMemory says what the plan needs by now and what it could have.
func (e *Executable) outOfMemory(bytes int, err error) error {
	if !errors.Is(err, drv.ErrOutOfMemory) {
		return err
	}
	free, size, infoErr := e.device.context.MemInfo()
	if infoErr != nil {
		return errors.Join(err, infoErr)
	}
	return &engine.OutOfMemory{Device: e.device.info.Name, Needed: e.bytes + bytes, Free: free + e.bytes, Size: size}
}

// Memory is the device memory in bytes that the plan took.
func (e *Executable) Memory() int { return e.bytes + e.library.Bytes() }

// pin allocates page-locked host memory that is freed with the executable.
func (e *Executable) pin(bytes int) ([]byte, error) {
	b, err := e.device.context.AllocHost(bytes)
	if err != nil {
		return nil, fmt.Errorf("page-lock %d bytes of the host's memory: %w", bytes, err)
	}
	e.pinned = append(e.pinned, b)
	return b, nil
}

// Close frees the executable's memory.
func (e *Executable) Close() {
	if e.closed {
		return
	}
	e.closed = true
	_ = e.device.attached(func() error {
		_ = e.device.compute.Synchronize()
		_ = e.device.copies.Synchronize()
		for _, s := range e.segments {
			s.close()
		}
		if e.library != nil {
			_ = e.library.Close()
		}
		for _, event := range []*drv.Event{e.uploaded, e.taken, e.done} {
			if event != nil {
				_ = event.Close()
			}
		}
		for _, p := range e.reserved {
			_ = e.device.context.Free(p)
		}
		for _, b := range e.pinned {
			_ = e.device.context.FreeHost(b)
		}
		e.unlock()
		return nil
	})
	for _, s := range e.shared {
		s.release()
	}
	e.device.forget(e)
}

// bytesOf sees numbers as bytes.
func bytesOf(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

// floats sees bytes as numbers.
func floats(b []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}
