package drv

import (
	"fmt"
	"slices"
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
)

// Error is what a call of the driver ended with.
type Error struct {
	Call string // "cuMemAlloc_v2"
	Code int    // CUresult
	Name string // "CUDA_ERROR_OUT_OF_MEMORY"
}

func (e *Error) Error() string {
	if e.Call == "" {
		return e.Name
	}
	return fmt.Sprintf("%s: %s (%d)", e.Call, e.Name, e.Code)
}

// Is makes errors.Is find the errors below in every Error of their codes.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrLost:
		return slices.Contains(lost, e.Code)
	case ErrOutOfMemory, ErrNoDevice, ErrInvalidDevice, ErrInvalidContext:
		return e.Code == target.(*Error).Code
	}
	return false
}

// Errors to test for.
var (
	ErrOutOfMemory    error = &Error{Code: 2, Name: "CUDA_ERROR_OUT_OF_MEMORY"}
	ErrNoDevice       error = &Error{Code: 100, Name: "CUDA_ERROR_NO_DEVICE"}
	ErrInvalidDevice  error = &Error{Code: 101, Name: "CUDA_ERROR_INVALID_DEVICE"}
	ErrInvalidContext error = &Error{Code: 201, Name: "CUDA_ERROR_INVALID_CONTEXT"}
	// ErrLost says that the context, and everything on it, can no longer be used: the device is gone, or a kernel crashed.
	ErrLost error = &Error{Code: 719, Name: "the device was lost"}
)

// lost are the codes after which a context refuses all work: deinitialised, device unavailable, uncorrectable ECC error, NVLink
// error, illegal address, time-out of a launch, context destroyed, failed assertion, faults of hardware, stack, instruction,
// alignment, address space and program counter, failed launch.
var lost = []int{4, 46, 214, 220, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719}

// call calls a function of the driver and makes an error of its result. For pointers dl.Library.Call's rules hold.
//
//go:uintptrescapes
func (d *Driver) call(name string, args ...uintptr) error {
	r, err := d.lib.Call(name, args...)
	if err != nil {
		return err
	}
	if code := int(int32(r)); code != 0 {
		return &Error{Call: name, Code: code, Name: d.errorName(code)}
	}
	return nil
}

// errorName asks the driver for the name of a code.
func (d *Driver) errorName(code int) string {
	var name unsafe.Pointer // the driver's memory
	r, err := d.lib.Call("cuGetErrorName", uintptr(code), uintptr(unsafe.Pointer(&name)))
	if err != nil || int32(r) != 0 || name == nil {
		return "unknown error"
	}
	return dl.TextAt(name)
}
