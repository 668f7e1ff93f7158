// Package nvrtc compiles CUDA C++ when the program runs, with NVIDIA's run-time compiler. It needs neither a GPU nor a driver.
//
// [Open] finds the library, [Compiler.Compile] makes a cubin for one architecture. Compiling takes a tenth of a second or more a
// source; a [Cache] remembers cubins on disk.
package nvrtc

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
)

// Compiler is NVRTC. It may be used from several goroutines.
type Compiler struct {
	lib          *dl.Library
	major, minor int
}

// Open finds the compiler, in a version of CUDA that is not newer than newest, the driver's: an older driver does not load what
// a newer compiler makes. Without one *dl.MissingLibrary.
func Open(libs dl.Search, newest int) (*Compiler, error) {
	spec := dl.Spec{Name: "NVRTC", Before: []string{"libnvrtc-builtins.so*"}, Hint: "pip install " + wheel(newest)}
	for major := newest; major >= oldest; major-- {
		spec.Files = append(spec.Files, fmt.Sprintf("libnvrtc.so.%d", major))
	}
	lib, err := libs.Open(spec)
	if err != nil {
		return nil, err
	}
	c := &Compiler{lib: lib}
	var major, minor int32
	if err := c.call("nvrtcVersion", uintptr(unsafe.Pointer(&major)), uintptr(unsafe.Pointer(&minor))); err != nil {
		return nil, err
	}
	c.major, c.minor = int(major), int(minor)
	return c, nil
}

// wheel is the Python package with the newest compiler that a driver allows; the plain name is CUDA 13's and later ones'.
func wheel(newest int) string {
	if newest < 13 {
		return fmt.Sprintf("nvidia-cuda-nvrtc-cu%d", max(newest, oldest))
	}
	return "nvidia-cuda-nvrtc"
}

// oldest is the first major version of CUDA whose compiler is taken, and Newest the last that is known.
const (
	oldest = 12
	Newest = 13
)

// Version is the CUDA release of the compiler.
func (c *Compiler) Version() (major, minor int) { return c.major, c.minor }

// Path is the file of the library.
func (c *Compiler) Path() string { return c.lib.Path }

// Error is what a call of NVRTC ended with.
type Error struct {
	Call string // "nvrtcCompileProgram"
	Code int    // nvrtcResult
	Name string // "NVRTC_ERROR_COMPILATION"
	Log  string // the compiler's messages, for nvrtcCompileProgram
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s (%d)", e.Call, e.Name, e.Code)
	if e.Log != "" {
		text += "\n" + strings.TrimSpace(e.Log)
	}
	return text
}

// Compile compiles a source of CUDA C++17 for an architecture: 90 for compute capability 9.0. It returns the cubin and the
// compiler's messages, warnings among them; where the source is refused, an *Error with them.
func (c *Compiler) Compile(source string, arch int) (cubin []byte, log string, err error) {
	text, name := cString(source), cString("kernel.cu")
	var program uintptr
	if err := c.call("nvrtcCreateProgram", uintptr(unsafe.Pointer(&program)), uintptr(unsafe.Pointer(unsafe.SliceData(text))),
		uintptr(unsafe.Pointer(unsafe.SliceData(name))), 0, 0, 0); err != nil {
		return nil, "", err
	}
	defer func() { _, _ = c.lib.Call("nvrtcDestroyProgram", uintptr(unsafe.Pointer(&program))) }()
	refused := c.compile(program, fmt.Sprintf("--gpu-architecture=sm_%d", arch), "--std=c++17")
	messages, err := c.read(program, "nvrtcGetProgramLogSize", "nvrtcGetProgramLog")
	if err != nil {
		return nil, "", errors.Join(refused, err)
	}
	log = strings.TrimRight(string(messages), "\x00\n")
	if failure := (*Error)(nil); errors.As(refused, &failure) {
		failure.Log = log
	}
	if refused != nil {
		return nil, log, refused
	}
	cubin, err = c.read(program, "nvrtcGetCUBINSize", "nvrtcGetCUBIN")
	return cubin, log, err
}

// compile runs the compiler with options.
func (c *Compiler) compile(program uintptr, options ...string) error {
	var pinner runtime.Pinner // the array of options holds pointers, which the compiler follows
	defer pinner.Unpin()
	pointers := make([]*byte, len(options))
	for i, o := range options {
		pointers[i] = unsafe.SliceData(cString(o))
		pinner.Pin(pointers[i])
	}
	return c.call("nvrtcCompileProgram", program, uintptr(len(pointers)), uintptr(unsafe.Pointer(unsafe.SliceData(pointers))))
}

// read gets what a program has, by the pair of functions that tell its size and copy it.
func (c *Compiler) read(program uintptr, size, get string) ([]byte, error) {
	var n uint64
	if err := c.call(size, program, uintptr(unsafe.Pointer(&n))); err != nil {
		return nil, err
	}
	out := make([]byte, n)
	if n == 0 {
		return out, nil
	}
	return out, c.call(get, program, uintptr(unsafe.Pointer(unsafe.SliceData(out))))
}

// call calls a function of NVRTC and makes an error of its result. For pointers dl.Library.Call's rules hold.
//
//go:uintptrescapes
func (c *Compiler) call(name string, args ...uintptr) error {
	r, err := c.lib.Call(name, args...)
	if err != nil {
		return err
	}
	if code := int(int32(r)); code != 0 {
		return &Error{Call: name, Code: code, Name: c.errorName(code)}
	}
	return nil
}

func (c *Compiler) errorName(code int) string {
	name, err := c.lib.Text("nvrtcGetErrorString", uintptr(code))
	if err != nil {
		return "unknown error"
	}
	return name
}

func cString(s string) []byte { return append([]byte(s), 0) }
