// Package dl opens shared libraries that may not be there: NVIDIA's driver and the libraries around it are found when the
// program runs, so that one binary, built without a toolkit and without cgo, serves machines with a GPU and without.
//
// A [Search] says where to look, a [Spec] what for; [Search.Open] gives a [Library], whose functions [Library.Call] looks up
// when they are first called. What is missing is an error that says so ([*MissingLibrary], [*MissingSymbol], [*TooOld]), never
// a panic. A library once opened stays: CUDA's do not survive being unloaded. Only Linux has it; elsewhere, and in a binary
// built with the tag nocuda, every library is missing.
package dl

import (
	"bytes"
	"sync"
	"unsafe"
)

// Spec names a library.
type Spec struct {
	Name  string   // as its makers call it: "NVRTC"
	Files []string // file names, the wanted version first: "libnvrtc.so.13", "libnvrtc.so.12"
	// Before are patterns of files beside the library that are opened before it, where they exist: libraries that it asks
	// for by name only.
	Before []string
	Hint   string // how to get it: "pip install nvidia-cuda-nvrtc"
}

// Library is an open library. It may be used from several goroutines.
type Library struct {
	Name string // of its Spec
	Path string // of its file

	handle  uintptr
	symbols sync.Map // name -> uintptr
}

// Has reports whether the library has a function.
func (l *Library) Has(name string) bool {
	_, err := l.symbol(name)
	return err == nil
}

// symbol is a function's address. An absent one is asked for again each time; that is the way of errors.
func (l *Library) symbol(name string) (uintptr, error) {
	if a, ok := l.symbols.Load(name); ok {
		return a.(uintptr), nil
	}
	a := find(l.handle, name)
	if a == 0 {
		return 0, &MissingSymbol{Library: l.Name, Path: l.Path, Symbol: name}
	}
	l.symbols.Store(name, a)
	return a, nil
}

// Call calls a C function whose arguments are integers and pointers (floating-point numbers and structures by value it cannot
// pass), and returns what the function returned; for an int, take int32 of it. Pointers to Go variables are good for the time
// of the call, written in the argument list as uintptr(unsafe.Pointer(&x)); what the library keeps must not be Go's memory,
// or be pinned. At most 32 arguments.
//
//go:uintptrescapes
func (l *Library) Call(name string, args ...uintptr) (uintptr, error) {
	f, err := l.symbol(name)
	if err != nil {
		return 0, err
	}
	return call(f, args), nil
}

// Text calls a C function that returns a text of the library's own, such as the name of an error; "" for a null pointer.
//
//go:uintptrescapes
func (l *Library) Text(name string, args ...uintptr) (string, error) {
	r, err := l.Call(name, args...)
	if err != nil {
		return "", err
	}
	return TextAt(*(*unsafe.Pointer)(unsafe.Pointer(&r))), nil // the library's memory, which the collector leaves alone
}

// TextAt is the text at an address of a library's memory, up to its NUL; "" for a null pointer.
func TextAt(at unsafe.Pointer) string {
	if at == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(at, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(at), n))
}

// TextIn is the text that a library wrote into a buffer: all before the first NUL.
func TextIn(buffer []byte) string {
	text, _, _ := bytes.Cut(buffer, []byte{0})
	return string(text)
}
