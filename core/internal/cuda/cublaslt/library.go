// Package cublaslt multiplies matrices with NVIDIA's cublasLt, found and opened at run time.
//
// [Open] finds the library, [Library.Handle] makes a handle on the current context, [Handle.Plan] chooses an algorithm for a
// [Problem], and [Matmul.Enqueue] puts it on a stream, as often as wanted. Nothing is allocated on the device: the workspace
// is the caller's, so that captured graphs own none. Functions are looked up when first called; a library or function that
// is missing is an error of package dl, a status other than success is an [Error].
package cublaslt

import (
	"fmt"
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
)

// Library is cublasLt, opened.
type Library struct{ lib *dl.Library }

// oldest is the first major version of CUDA whose library is taken.
const oldest = 12

// Open finds the library, of a version of CUDA that is not newer than newest, the driver's: a newer one does not start on it.
// Without one *dl.MissingLibrary.
func Open(search dl.Search, newest int) (*Library, error) {
	spec := dl.Spec{Name: "cublasLt", Hint: "pip install nvidia-cublas (driver of CUDA 12: nvidia-cublas-cu12)"}
	for major := newest; major >= oldest; major-- {
		spec.Files = append(spec.Files, fmt.Sprintf("libcublasLt.so.%d", major))
	}
	lib, err := search.Open(spec)
	if err != nil {
		return nil, err
	}
	return &Library{lib}, nil
}

// Version is the library's: 130401 for 13.4.1.
func (l *Library) Version() (int, error) {
	v, err := l.lib.Call("cublasLtGetVersion")
	return int(v), err
}

// Path is the file that was opened.
func (l *Library) Path() string { return l.lib.Path }

// Handle is the library's state on a context.
type Handle struct {
	*Library
	at uintptr
}

// Handle makes a handle on the context that is current on the calling thread.
func (l *Library) Handle() (*Handle, error) {
	h := &Handle{Library: l}
	if err := l.call("cublasLtCreate", uintptr(unsafe.Pointer(&h.at))); err != nil {
		return nil, err
	}
	return h, nil
}

// Close frees the handle.
func (h *Handle) Close() error { return h.call("cublasLtDestroy", h.at) }

// call calls a function that returns a status. Pointers are converted in the call, which keeps what they point to alive
// and in its place.
//
//go:uintptrescapes
func (l *Library) call(name string, args ...uintptr) error {
	status, err := l.lib.Call(name, args...)
	if err == nil && int32(status) != 0 {
		err = &Error{name, int(int32(status))}
	}
	return err
}
