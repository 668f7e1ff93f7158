package cudnn

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// Convolution is a cross-correlation of images x [n, h, w, c] with filters w [k, r, s, c], which gives y [n, p, q, k] with
// p = (h + 2*pad - r)/stride + 1, rounded down, and q alike. All three have one type of elements and stand densely in memory.
type Convolution struct {
	N, H, W, C  int
	K, R, S     int
	Stride, Pad int
	Type        Type
	Math        Math
}

// Direction says which of a convolution's three tensors is computed from the other two.
type Direction int

// The directions, with their operands and result.
const (
	Forward        Direction = iota // (x, w) -> y
	BackwardData                    // (w, dy) -> dx
	BackwardFilter                  // (x, dy) -> dw
)

func (d Direction) String() string {
	return [...]string{"forward", "backward data", "backward filter"}[d]
}

// functions are those of a direction. All directions take the same arguments, operands before the result.
type functions struct{ suggest, measure, workspace, run string }

func (d Direction) functions() functions {
	return [...]functions{
		{"cudnnGetConvolutionForwardAlgorithm_v7", "cudnnFindConvolutionForwardAlgorithmEx",
			"cudnnGetConvolutionForwardWorkspaceSize", "cudnnConvolutionForward"},
		{"cudnnGetConvolutionBackwardDataAlgorithm_v7", "cudnnFindConvolutionBackwardDataAlgorithmEx",
			"cudnnGetConvolutionBackwardDataWorkspaceSize", "cudnnConvolutionBackwardData"},
		{"cudnnGetConvolutionBackwardFilterAlgorithm_v7", "cudnnFindConvolutionBackwardFilterAlgorithmEx",
			"cudnnGetConvolutionBackwardFilterWorkspaceSize", "cudnnConvolutionBackwardFilter"},
	}[d]
}

// Operation is one direction of a convolution. It belongs to the thread that holds the device's context.
type Operation struct {
	handle     *Handle
	direction  Direction
	images     [2]uintptr // descriptors of x and y
	filters    uintptr
	conv       uintptr
	a, b, out  uintptr // the three in the order of the direction
	algorithm  int
	workspace  int
	alpha      float32
	beta       float32
	convolving Convolution
}

// Operation describes a direction of a convolution to the library.
func (h *Handle) Operation(c Convolution, d Direction) (*Operation, error) {
	o := &Operation{handle: h, direction: d, convolving: c, alpha: 1}
	if err := o.describe(); err != nil {
		o.Close()
		return nil, fmt.Errorf("%s of %+v: %w", d, c, err)
	}
	x, y, w := o.images[0], o.images[1], o.filters
	switch d {
	case Forward:
		o.a, o.b, o.out = x, w, y
	case BackwardData:
		o.a, o.b, o.out = w, y, x
	case BackwardFilter:
		o.a, o.b, o.out = x, y, w
	}
	return o, nil
}

func (o *Operation) describe() error {
	c := o.convolving
	p, q := (c.H+2*c.Pad-c.R)/c.Stride+1, (c.W+2*c.Pad-c.S)/c.Stride+1
	return errors.Join(
		o.image(&o.images[0], c.N, c.C, c.H, c.W),
		o.image(&o.images[1], c.N, c.K, p, q),
		o.filter(),
		o.convolution())
}

func (o *Operation) image(at *uintptr, n, c, h, w int) error {
	if err := o.handle.call("cudnnCreateTensorDescriptor", uintptr(unsafe.Pointer(at))); err != nil {
		return err
	}
	return o.handle.call("cudnnSetTensor4dDescriptor", *at, formatNHWC, uintptr(o.convolving.Type), uintptr(n), uintptr(c), uintptr(h), uintptr(w))
}

// filter gives sizes in the order k, c, r, s; the format says that they stand as [k, r, s, c].
func (o *Operation) filter() error {
	if err := o.handle.call("cudnnCreateFilterDescriptor", uintptr(unsafe.Pointer(&o.filters))); err != nil {
		return err
	}
	c := o.convolving
	return o.handle.call("cudnnSetFilter4dDescriptor", o.filters, uintptr(c.Type), formatNHWC, uintptr(c.K), uintptr(c.C), uintptr(c.R), uintptr(c.S))
}

func (o *Operation) convolution() error {
	if err := o.handle.call("cudnnCreateConvolutionDescriptor", uintptr(unsafe.Pointer(&o.conv))); err != nil {
		return err
	}
	pad, stride, dilation := uintptr(o.convolving.Pad), uintptr(o.convolving.Stride), uintptr(1)
	if err := o.handle.call("cudnnSetConvolution2dDescriptor", o.conv, pad, pad, stride, stride, dilation, dilation, crossCorrelation,
		uintptr(Float32)); err != nil {
		return err
	}
	return o.handle.call("cudnnSetConvolutionMathType", o.conv, uintptr(o.convolving.Math))
}

// Choose makes the operation use an algorithm with its arithmetic, and asks how much workspace it needs.
func (o *Operation) Choose(a Algorithm) error {
	if err := o.handle.call("cudnnSetConvolutionMathType", o.conv, uintptr(a.Math)); err != nil {
		return err
	}
	var size uint64
	if err := o.handle.call(o.direction.functions().workspace, o.handle.at, o.a, o.b, o.conv, o.out, uintptr(a.ID),
		uintptr(unsafe.Pointer(&size))); err != nil {
		return err
	}
	o.algorithm, o.workspace = a.ID, int(size)
	return nil
}

// Workspace is the memory in bytes that Enqueue needs with the algorithm that was chosen.
func (o *Operation) Workspace() int { return o.workspace }

// Enqueue puts the operation on the handle's stream. Operands stand in the order of the direction.
func (o *Operation) Enqueue(a, b, out, workspace drv.Ptr) error {
	return o.handle.call(o.direction.functions().run, o.handle.at, uintptr(unsafe.Pointer(&o.alpha)), o.a, uintptr(a), o.b, uintptr(b), o.conv,
		uintptr(o.algorithm), uintptr(workspace), uintptr(o.workspace), uintptr(unsafe.Pointer(&o.beta)), o.out, uintptr(out))
}

// Close frees the descriptors.
func (o *Operation) Close() error {
	var errs []error
	destroy := func(function string, at *uintptr) {
		if *at != 0 {
			errs = append(errs, o.handle.call(function, *at))
			*at = 0
		}
	}
	destroy("cudnnDestroyTensorDescriptor", &o.images[0])
	destroy("cudnnDestroyTensorDescriptor", &o.images[1])
	destroy("cudnnDestroyFilterDescriptor", &o.filters)
	destroy("cudnnDestroyConvolutionDescriptor", &o.conv)
	return errors.Join(errs...)
}
