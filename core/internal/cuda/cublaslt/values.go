package cublaslt

import "fmt"

// Type is the type of a matrix's elements: a cudaDataType.
type Type int32

// The types of elements.
const (
	Float32  Type = 0
	BFloat16 Type = 14
)

// Compute is the arithmetic of products, whose sums are always float32: a cublasComputeType_t.
type Compute int32

// The kinds of arithmetic.
const (
	// Full multiplies float32 without rounding it first; products of bfloat16 are exact in it, and use tensor cores.
	Full Compute = 68
	// TF32 rounds float32 operands to 10 bits of mantissa, for tensor cores.
	TF32 Compute = 77
)

// Epilogue is what happens to a product before it is stored: a cublasLtEpilogue_t.
type Epilogue int32

// The epilogues. A bias [n] is added to each row. The library's ReLU is left alone: it makes 0 of NaN, which would hide that a
// run has diverged.
const (
	Plain Epilogue = 1
	Bias  Epilogue = 4
)

const (
	opN = 0
	opT = 1

	descTransA   = 3
	descTransB   = 4
	descEpilogue = 7
	descBias     = 8

	prefWorkspace  = 1
	prefReductions = 3
	prefAlignA     = 5
	prefAlignB     = 6
	prefAlignC     = 7
	prefAlignD     = 8

	// reductionInWorkspace lets sums be split over K only where the parts, in float32, meet in the workspace.
	reductionInWorkspace = 2

	notSupported = 15
)

// statuses names cublasStatus_t.
var statuses = map[int]string{1: "NOT_INITIALIZED", 3: "ALLOC_FAILED", 7: "INVALID_VALUE", 8: "ARCH_MISMATCH", 11: "MAPPING_ERROR",
	13: "EXECUTION_FAILED", 14: "INTERNAL_ERROR", notSupported: "NOT_SUPPORTED", 16: "LICENSE_ERROR"}

// Error is a status other than success.
type Error struct {
	Call string
	Code int
}

func (e *Error) Error() string {
	name := statuses[e.Code]
	if name == "" {
		name = "unknown"
	}
	return fmt.Sprintf("%s: CUBLAS_STATUS_%s (%d)", e.Call, name, e.Code)
}
