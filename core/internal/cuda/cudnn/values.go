package cudnn

import "fmt"

// Type is the type of elements: a cudnnDataType_t.
type Type int32

// The types of elements. Sums are float32 for both.
const (
	Float32  Type = 0
	BFloat16 Type = 9
)

// Math is the arithmetic of products: a cudnnMathType_t.
type Math int32

// The kinds of arithmetic.
const (
	// TF32 lets float32 operands be rounded to 10 bits of mantissa for tensor cores. It is the library's default.
	TF32 Math = 0
	// TensorOp lets bfloat16 use tensor cores; without being asked the library may leave such algorithms out of its lists.
	TensorOp Math = 1
	// Full multiplies float32 without rounding it first.
	Full Math = 3
)

const (
	formatNHWC       = 1
	crossCorrelation = 1
	deterministic    = 1
)

// statuses names those of cudnnStatus_t that are met with; others are named by their thousand.
var statuses = map[int]string{
	1000: "NOT_INITIALIZED", 1001: "NOT_INITIALIZED", 1002: "SUBLIBRARY_VERSION_MISMATCH", 1008: "SUBLIBRARY_LOADING_FAILED",
	2000: "BAD_PARAM", 2002: "BAD_PARAM_NULL_POINTER", 2003: "BAD_PARAM_MISALIGNED_POINTER", 2006: "BAD_PARAM_SIZE_INSUFFICIENT",
	2007: "BAD_PARAM_STREAM_MISMATCH", 2008: "BAD_PARAM_SHAPE_MISMATCH",
	3000: "NOT_SUPPORTED", 3002: "NOT_SUPPORTED_SHAPE", 3003: "NOT_SUPPORTED_DATA_TYPE", 3004: "NOT_SUPPORTED_LAYOUT",
	3007: "NOT_SUPPORTED_ARCH_MISMATCH",
	4000: "INTERNAL_ERROR", 4003: "INTERNAL_ERROR_HOST_ALLOCATION_FAILED", 4004: "INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
	5000: "EXECUTION_FAILED", 5001: "EXECUTION_FAILED_CUDA_DRIVER", 5003: "EXECUTION_FAILED_CUDART",
}

// Error is a status other than success.
type Error struct {
	Call   string
	Code   int
	Detail string // the library's own words; may be empty
}

func (e *Error) Error() string {
	name := statuses[e.Code]
	if name == "" {
		name = statuses[e.Code/1000*1000]
	}
	text := fmt.Sprintf("%s: CUDNN_STATUS_%s (%d)", e.Call, name, e.Code)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Unsupported reports whether the library has no code for what it was asked, rather than having failed.
func (e *Error) Unsupported() bool { return e.Code/1000 == 3 }
