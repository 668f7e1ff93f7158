package cublaslt

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// Problem is a matrix product C[m, n] = op(A) op(B) of row-major matrices, where op may transpose, with float32 sums.
type Problem struct {
	M, N, K        int
	TransA, TransB bool // A is stored as [k, m], B as [n, k]
	A, B, C        Type // of the elements; A and B have the same
	Compute        Compute
	Epilogue       Epilogue
	// Align is what every address is a multiple of, in bytes: kernels that move 16 bytes at a time are chosen only where
	// it allows them.
	Align int
}

// Matmul is a product for which an algorithm was chosen. It belongs to the thread that holds the device's context.
type Matmul struct {
	handle        *Handle
	desc, a, b, c uintptr // descriptors, host memory of the library
	algorithm     [8]uint64
	workspace     int
	alpha, beta   float32
	bias          drv.Ptr
}

// ErrUnsupported says that the library has no algorithm for a problem within the workspace that it was given.
var ErrUnsupported = errors.New("cublasLt has no algorithm for this product")

// Plan chooses the algorithm that the library expects to be fastest with at most workspace bytes. Sums that are split
// over K are put together in the workspace and in a fixed order, so the same problem gives the same bits.
func (h *Handle) Plan(p Problem, workspace int) (*Matmul, error) {
	m := &Matmul{handle: h, alpha: 1}
	err := m.describe(p)
	if err == nil {
		err = m.choose(p, workspace)
	}
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("product of %d x %d x %d: %w", p.M, p.N, p.K, err)
	}
	return m, nil
}

// Workspace is the memory in bytes that Enqueue needs.
func (m *Matmul) Workspace() int { return m.workspace }

// describe makes the descriptors. The library thinks in columns: a row-major matrix is its transpose in columns, so it is
// asked for C' = op(B)' op(A)', with the operands swapped and nothing moved.
func (m *Matmul) describe(p Problem) error {
	if err := m.handle.call("cublasLtMatmulDescCreate", uintptr(unsafe.Pointer(&m.desc)), uintptr(p.Compute), uintptr(Float32)); err != nil {
		return err
	}
	for _, set := range []struct {
		attribute, value int32
	}{{descTransA, operation(p.TransB)}, {descTransB, operation(p.TransA)}, {descEpilogue, int32(p.Epilogue)}} {
		if err := m.handle.call("cublasLtMatmulDescSetAttribute", m.desc, uintptr(set.attribute), uintptr(unsafe.Pointer(&set.value)),
			unsafe.Sizeof(set.value)); err != nil {
			return err
		}
	}
	return errors.Join(
		m.layout(&m.a, p.B, p.K, p.N, p.TransB),
		m.layout(&m.b, p.A, p.M, p.K, p.TransA),
		m.layout(&m.c, p.C, p.M, p.N, false))
}

// layout describes a row-major matrix that op turns into [rows, cols].
func (m *Matmul) layout(at *uintptr, t Type, rows, cols int, transposed bool) error {
	if transposed {
		rows, cols = cols, rows
	}
	return m.handle.call("cublasLtMatrixLayoutCreate", uintptr(unsafe.Pointer(at)), uintptr(t), uintptr(cols), uintptr(rows), uintptr(cols))
}

func operation(transposed bool) int32 {
	if transposed {
		return opT
	}
	return opN
}

// heuristic is cublasLtMatmulHeuristicResult_t.
type heuristic struct {
	algorithm [8]uint64
	workspace uint64
	state     int32
	waves     float32
	_         [4]int32
}

// choose asks the library's heuristic.
func (m *Matmul) choose(p Problem, workspace int) error {
	var preference uintptr
	if err := m.handle.call("cublasLtMatmulPreferenceCreate", uintptr(unsafe.Pointer(&preference))); err != nil {
		return err
	}
	defer m.handle.call("cublasLtMatmulPreferenceDestroy", preference)
	limit := uint64(workspace)
	if err := m.handle.call("cublasLtMatmulPreferenceSetAttribute", preference, prefWorkspace, uintptr(unsafe.Pointer(&limit)), unsafe.Sizeof(limit)); err != nil {
		return err
	}
	align := uint32(p.Align)
	for _, set := range []struct {
		attribute uintptr
		value     uint32
	}{{prefReductions, reductionInWorkspace}, {prefAlignA, align}, {prefAlignB, align}, {prefAlignC, align}, {prefAlignD, align}} {
		if err := m.handle.call("cublasLtMatmulPreferenceSetAttribute", preference, set.attribute, uintptr(unsafe.Pointer(&set.value)), unsafe.Sizeof(set.value)); err != nil {
			return err
		}
	}
	var found heuristic
	var count int32
	err := m.handle.call("cublasLtMatmulAlgoGetHeuristic", m.handle.at, m.desc, m.a, m.b, m.c, m.c, preference, 1,
		uintptr(unsafe.Pointer(&found)), uintptr(unsafe.Pointer(&count)))
	var status *Error
	if errors.As(err, &status) && status.Code == notSupported || err == nil && (count == 0 || found.state != 0) {
		return ErrUnsupported
	}
	m.algorithm, m.workspace = found.algorithm, int(found.workspace)
	return err
}

// Operands are the addresses of a product.
type Operands struct {
	A, B, C   drv.Ptr
	Bias      drv.Ptr // [n] float32 or of C's type, where the epilogue adds one
	Workspace drv.Ptr // of at least Workspace bytes, a multiple of 256
}

// Enqueue puts the product on a stream.
func (m *Matmul) Enqueue(stream *drv.Stream, o Operands) error {
	if o.Bias != m.bias {
		value := uint64(o.Bias)
		if err := m.handle.call("cublasLtMatmulDescSetAttribute", m.desc, descBias, uintptr(unsafe.Pointer(&value)), unsafe.Sizeof(value)); err != nil {
			return err
		}
		m.bias = o.Bias
	}
	return m.handle.call("cublasLtMatmul", m.handle.at, m.desc, uintptr(unsafe.Pointer(&m.alpha)), uintptr(o.B), m.a, uintptr(o.A), m.b,
		uintptr(unsafe.Pointer(&m.beta)), uintptr(o.C), m.c, uintptr(o.C), m.c, uintptr(unsafe.Pointer(&m.algorithm)),
		uintptr(o.Workspace), uintptr(m.workspace), stream.Handle())
}

// Close frees the descriptors.
func (m *Matmul) Close() error {
	var errs []error
	destroy := func(function string, at *uintptr) {
		if *at != 0 {
			errs = append(errs, m.handle.call(function, *at))
			*at = 0
		}
	}
	destroy("cublasLtMatmulDescDestroy", &m.desc)
	for _, layout := range []*uintptr{&m.a, &m.b, &m.c} {
		destroy("cublasLtMatrixLayoutDestroy", layout)
	}
	return errors.Join(errs...)
}
