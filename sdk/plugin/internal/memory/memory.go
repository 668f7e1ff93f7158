// Package memory is a piece of memory that a host and its plugin both see, for the tensors of custom ops.
//
// The host calls [Create] and hands [Region.File] down; the plugin calls [Open]. It exists on Linux (memfd, sealed so that
// nobody can shrink it under the other's feet); elsewhere both fail with [errors.ErrUnsupported], and tensors travel in
// messages.
package memory

import (
	"os"
	"unsafe"
)

// Region is mapped memory, zero at first.
type Region struct {
	file *os.File // nil in the plugin
	data []byte
}

// File is what a plugin inherits.
func (r *Region) File() *os.File { return r.file }

// Floats is the memory as numbers.
func (r *Region) Floats() []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(r.data))), len(r.data)/4)
}
