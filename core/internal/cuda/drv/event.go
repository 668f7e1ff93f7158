package drv

import (
	"time"
	"unsafe"
)

// Event is a mark in a stream, to wait for and to measure from.
type Event struct {
	context *Context
	handle  uintptr
}

// NewEvent makes an event.
func (c *Context) NewEvent() (*Event, error) {
	e := &Event{context: c}
	err := c.driver.call("cuEventCreate", uintptr(unsafe.Pointer(&e.handle)), 0)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Close destroys the event.
func (e *Event) Close() error { return e.context.driver.call("cuEventDestroy_v2", e.handle) }

// Synchronize waits until the stream has come to the mark; at once where the event was not recorded.
func (e *Event) Synchronize() error {
	return e.context.driver.call("cuEventSynchronize", e.handle)
}

// notReady is the code with which a query says that the work is under way.
const notReady = 600

// Done reports whether the stream has come to the mark, without waiting.
func (e *Event) Done() (bool, error) {
	err := e.context.driver.call("cuEventQuery", e.handle)
	if failure, ok := err.(*Error); ok && failure.Code == notReady {
		return false, nil
	}
	return err == nil, err
}

// Since is the device's time from an earlier event to this one. Both must have been reached; the resolution is about half a
// microsecond.
func (e *Event) Since(earlier *Event) (time.Duration, error) {
	var ms float32
	err := e.context.driver.call("cuEventElapsedTime", uintptr(unsafe.Pointer(&ms)), earlier.handle, e.handle)
	return time.Duration(float64(ms) * float64(time.Millisecond)), err
}

// Record puts the event's mark behind all that the stream was told so far.
func (s *Stream) Record(e *Event) error {
	return s.context.driver.call("cuEventRecord", e.handle, s.handle)
}

// Wait lets what the stream is told from now on wait for the event's mark, in whatever stream it was recorded.
func (s *Stream) Wait(e *Event) error {
	return s.context.driver.call("cuStreamWaitEvent", s.handle, e.handle, 0)
}
