package drv

import (
	"errors"
	"unsafe"
)

// Stream is a queue of work on the device.
type Stream struct {
	context *Context
	handle  uintptr
	params  *params
	memory  []byte // of params
}

// streamNonBlocking keeps a stream apart from the default stream, on which every other would wait.
const streamNonBlocking = 1

// NewStream makes a stream.
func (c *Context) NewStream() (*Stream, error) {
	p, memory, err := c.newParams()
	if err != nil {
		return nil, err
	}
	s := &Stream{context: c, params: p, memory: memory}
	if err := c.driver.call("cuStreamCreate", uintptr(unsafe.Pointer(&s.handle)), streamNonBlocking); err != nil {
		return nil, errors.Join(err, c.FreeHost(memory))
	}
	return s, nil
}

// Close destroys the stream; what it was told before still happens.
func (s *Stream) Close() error {
	return errors.Join(s.context.driver.call("cuStreamDestroy_v2", s.handle), s.context.FreeHost(s.memory))
}

// Handle is the CUstream, for libraries that work on the stream.
func (s *Stream) Handle() uintptr { return s.handle }

// Synchronize waits until everything that the stream was told has happened, and tells how it went.
func (s *Stream) Synchronize() error {
	return s.context.driver.call("cuStreamSynchronize", s.handle)
}

// CopyIn copies from host to device.
func (s *Stream) CopyIn(dst Ptr, src []byte) error {
	if len(src) == 0 {
		return nil
	}
	return s.context.driver.call("cuMemcpyHtoDAsync_v2", uintptr(dst), uintptr(unsafe.Pointer(unsafe.SliceData(src))), uintptr(len(src)), s.handle)
}

// CopyOut copies from device to host.
func (s *Stream) CopyOut(dst []byte, src Ptr) error {
	if len(dst) == 0 {
		return nil
	}
	return s.context.driver.call("cuMemcpyDtoHAsync_v2", uintptr(unsafe.Pointer(unsafe.SliceData(dst))), uintptr(src), uintptr(len(dst)), s.handle)
}

// Copy copies within the device; the places must not overlap.
func (s *Stream) Copy(dst, src Ptr, bytes int) error {
	if bytes == 0 {
		return nil
	}
	return s.context.driver.call("cuMemcpyDtoDAsync_v2", uintptr(dst), uintptr(src), uintptr(bytes), s.handle)
}

// Zero sets bytes of the device's memory to zero.
func (s *Stream) Zero(dst Ptr, bytes int) error {
	if bytes == 0 {
		return nil
	}
	return s.context.driver.call("cuMemsetD8Async", uintptr(dst), 0, uintptr(bytes), s.handle)
}
