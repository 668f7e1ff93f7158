package cudnn

import (
	"errors"
	"fmt"
	"testing"
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/genuine"
	"github.com/sslctl/sslctl/core/internal/cuda/headers"
)

// TestValues holds the constants to cudnn.h.
func TestValues(t *testing.T) {
	values := map[string]int{
		"CUDNN_DATA_FLOAT": int(Float32), "CUDNN_DATA_BFLOAT16": int(BFloat16),
		"CUDNN_DEFAULT_MATH": int(TF32), "CUDNN_TENSOR_OP_MATH": int(TensorOp), "CUDNN_FMA_MATH": int(Full),
		"CUDNN_TENSOR_NHWC": formatNHWC, "CUDNN_CROSS_CORRELATION": crossCorrelation, "CUDNN_DETERMINISTIC": deterministic,
	}
	for code, name := range statuses {
		if code%1000 != 0 || code == 2000 || code == 3000 {
			values["CUDNN_STATUS_"+name] = code
		}
	}
	source := headers.Values("cudnn.h", values)
	for _, direction := range []string{"Fwd", "BwdData", "BwdFilter"} {
		for field, offset := range map[string]uintptr{"algo": unsafe.Offsetof(perf{}.algorithm), "status": unsafe.Offsetof(perf{}.status),
			"time": unsafe.Offsetof(perf{}.time), "memory": unsafe.Offsetof(perf{}.memory), "determinism": unsafe.Offsetof(perf{}.determinism),
			"mathType": unsafe.Offsetof(perf{}.math)} {
			source += fmt.Sprintf("static_assert(offsetof(cudnnConvolution%sAlgoPerf_t, %s) == %d, \"%s\");\n", direction, field, offset, field)
		}
		source += fmt.Sprintf("static_assert(sizeof(cudnnConvolution%sAlgoPerf_t) == %d, \"size\");\n", direction, unsafe.Sizeof(perf{}))
	}
	headers.Check(t, "cudnn.h", source)
}

// TestRealLibrary calls what works without a GPU, and says why the rest does not.
func TestRealLibrary(t *testing.T) {
	if !genuine.Apart(t) {
		return
	}
	l := genuine.Open(t, func() (*Library, error) { return Open(dl.Default()) })
	version, err := l.Version()
	if err != nil || version < 90000 {
		t.Errorf("version %d, %v", version, err)
	}
	genuine.Functions(t, l.lib, "cudnn")
	checkDescriptors(t, l)
}

// checkDescriptors describes convolutions and asks for the size of y.
func checkDescriptors(t *testing.T, l *Library) {
	h := &Handle{Library: l}
	for _, c := range []Convolution{
		{N: 2, H: 32, W: 32, C: 64, K: 128, R: 3, S: 3, Stride: 1, Pad: 1, Type: BFloat16},
		{N: 1, H: 5, W: 7, C: 3, K: 8, R: 3, S: 3, Stride: 2, Pad: 1, Type: BFloat16},
		{N: 3, H: 224, W: 223, C: 3, K: 64, R: 7, S: 7, Stride: 2, Pad: 3, Math: Full},
		{N: 1, H: 1, W: 1, C: 1, K: 1, R: 1, S: 1, Stride: 1},
		{N: 4, H: 9, W: 6, C: 5, K: 2, R: 1, S: 1, Stride: 2, Math: TF32},
	} {
		o, err := h.Operation(c, BackwardFilter)
		if err != nil {
			t.Error(err)
			continue
		}
		var n, k, p, q int32
		err = h.call("cudnnGetConvolution2dForwardOutputDim", o.conv, o.images[0], o.filters, uintptr(unsafe.Pointer(&n)),
			uintptr(unsafe.Pointer(&k)), uintptr(unsafe.Pointer(&p)), uintptr(unsafe.Pointer(&q)))
		want := fmt.Sprint(c.N, c.K, (c.H+2*c.Pad-c.R)/c.Stride+1, (c.W+2*c.Pad-c.S)/c.Stride+1)
		if got := fmt.Sprint(n, k, p, q); err != nil || got != want {
			t.Errorf("%+v: y is %s, %v, want %s", c, got, err, want)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	_, err := h.Operation(Convolution{N: 0, H: 5, W: 5, C: 1, K: 1, R: 1, S: 1, Stride: 1}, Forward)
	var status *Error
	if !errors.As(err, &status) || status.Code/1000 != 2 || status.Call != "cudnnSetTensor4dDescriptor" {
		t.Errorf("no images: error %v, want a bad parameter", err)
	}
}
