// Package cudnn convolves images with NVIDIA's cuDNN 9, found and opened at run time.
//
// [Open] finds the library, [Library.Handle] makes a handle on a stream, [Handle.Operation] describes one direction of a
// [Convolution]; [Operation.Suggest] and [Operation.Measure] list the algorithms for it, [Operation.Choose] takes one, and
// [Operation.Enqueue] puts it on the stream, as often as wanted. The calls are those of the library's convolution API, which
// is deprecated in favour of its graph API and stays throughout version 9. Nothing is allocated on the device: the workspace is
// the caller's. Functions are looked up when first called; a library or function that is missing is an error of package dl,
// a status other than success is an [Error].
package cudnn

import (
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// Library is cuDNN, opened.
type Library struct{ lib *dl.Library }

// Spec is what is looked for. The library opens its parts by itself, and they ask for NVRTC by name.
var Spec = dl.Spec{Name: "cuDNN", Files: []string{"libcudnn.so.9"}, Hint: "pip install nvidia-cudnn-cu13"}

// Open finds the library. None but version 9 is looked for: each version's calls differ.
func Open(search dl.Search) (*Library, error) {
	lib, err := search.Open(Spec)
	if err != nil {
		return nil, err
	}
	return &Library{lib}, nil
}

// Version is the library's: 92600 for 9.26.0.
func (l *Library) Version() (int, error) {
	v, err := l.lib.Call("cudnnGetVersion")
	return int(v), err
}

// Path is the file that was opened.
func (l *Library) Path() string { return l.lib.Path }

// Handle is the library's state on a context, with the stream on which it works.
type Handle struct {
	*Library
	at uintptr
}

// Handle makes a handle on the context that is current on the calling thread, working on a stream.
func (l *Library) Handle(stream *drv.Stream) (*Handle, error) {
	h := &Handle{Library: l}
	if err := l.call("cudnnCreate", uintptr(unsafe.Pointer(&h.at))); err != nil {
		return nil, err
	}
	if err := h.call("cudnnSetStream", h.at, stream.Handle()); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Close frees the handle, after waiting for the device.
func (h *Handle) Close() error { return h.call("cudnnDestroy", h.at) }

// call calls a function that returns a status. Pointers are converted in the call, which keeps what they point to alive
// and in its place.
//
//go:uintptrescapes
func (l *Library) call(name string, args ...uintptr) error {
	status, err := l.lib.Call(name, args...)
	if err == nil && int32(status) != 0 {
		err = &Error{Call: name, Code: int(int32(status)), Detail: l.lastError()}
	}
	return err
}

// lastError is what the library says of the last failure on this thread.
func (l *Library) lastError() string {
	var message [512]byte
	if _, err := l.lib.Call("cudnnGetLastErrorString", uintptr(unsafe.Pointer(&message)), uintptr(len(message))); err != nil {
		return "" // the status must do
	}
	return dl.TextIn(message[:])
}
