// Package memory is a piece of memory that a host and its plugin both see, for the tensors of custom ops.
//
// The host calls [Create] and hands [Region.File] down; the plugin calls [Open]. It exists on Linux (memfd, sealed so that
// nobody can shrink it under the other's feet); elsewhere both fail with [errors.ErrUnsupported], and tensors travel in
// messages.
package memory

import (
	"os"
	"sync"
	"unsafe"
)

// Region is mapped memory, zero at first.
type Region struct {
	file *os.File // nil in the plugin

	mu     sync.Mutex
	data   []byte
	held   int // times
	closed bool
}

// File is what a plugin inherits.
func (r *Region) File() *os.File { return r.file }

// Hold keeps the memory mapped until release is called, though the region be closed meanwhile.
func (r *Region) Hold() (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held++
	return sync.OnceFunc(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.held--; r.closed && r.held == 0 {
			_ = r.unmap() // which a mapping of Create's or Open's does not refuse
		}
	})
}

// Floats is the memory as numbers; none when it is closed and not held.
func (r *Region) Floats() []float32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(r.data))), len(r.data)/4)
}
