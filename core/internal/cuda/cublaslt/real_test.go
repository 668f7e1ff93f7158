package cublaslt

import (
	"errors"
	"fmt"
	"testing"
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/genuine"
	"github.com/sslctl/sslctl/core/internal/cuda/headers"
)

// TestValues holds the constants to cublasLt.h.
func TestValues(t *testing.T) {
	values := map[string]int{
		"CUDA_R_32F": int(Float32), "CUDA_R_16BF": int(BFloat16), "CUBLAS_COMPUTE_32F": int(Full), "CUBLAS_COMPUTE_32F_FAST_TF32": int(TF32),
		"CUBLASLT_EPILOGUE_DEFAULT": int(Plain), "CUBLASLT_EPILOGUE_BIAS": int(Bias), "CUBLAS_OP_N": opN, "CUBLAS_OP_T": opT,
		"CUBLASLT_MATMUL_DESC_TRANSA": descTransA, "CUBLASLT_MATMUL_DESC_TRANSB": descTransB, "CUBLASLT_MATMUL_DESC_EPILOGUE": descEpilogue,
		"CUBLASLT_MATMUL_DESC_BIAS_POINTER":          descBias,
		"CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES":   prefWorkspace,
		"CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK": prefReductions,
		"CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES": prefAlignA, "CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES": prefAlignB,
		"CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES": prefAlignC, "CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES": prefAlignD,
		"CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE": reductionInWorkspace,
	}
	for code, name := range statuses {
		values["CUBLAS_STATUS_"+name] = code
	}
	source := headers.Values("cublasLt.h", values)
	for field, offset := range map[string]uintptr{"algo": unsafe.Offsetof(heuristic{}.algorithm), "workspaceSize": unsafe.Offsetof(heuristic{}.workspace),
		"state": unsafe.Offsetof(heuristic{}.state), "wavesCount": unsafe.Offsetof(heuristic{}.waves)} {
		source += fmt.Sprintf("static_assert(offsetof(cublasLtMatmulHeuristicResult_t, %s) == %d, \"%s\");\n", field, offset, field)
	}
	source += fmt.Sprintf("static_assert(sizeof(cublasLtMatmulHeuristicResult_t) == %d, \"size\");\n", unsafe.Sizeof(heuristic{}))
	headers.Check(t, "cublasLt.h", source)
}

// TestRealLibrary calls what works without a GPU, and says why the rest does not.
func TestRealLibrary(t *testing.T) {
	if !genuine.Apart(t) {
		return
	}
	l := genuine.Open(t, func() (*Library, error) { return Open(dl.Default(), 13) })
	version, err := l.Version()
	if err != nil || version < 120000 {
		t.Errorf("version %d, %v", version, err)
	}
	genuine.Functions(t, l.lib, "cublasLt")
	checkDescriptors(t, l)
}

// checkDescriptors describes products, and checks that the sizes of attributes are those that the library knows.
func checkDescriptors(t *testing.T, l *Library) {
	h := &Handle{Library: l}
	for _, p := range []Problem{
		{M: 5, N: 7, K: 3, Compute: Full, Epilogue: Plain},
		{M: 8, N: 16, K: 24, TransA: true, A: BFloat16, B: BFloat16, Compute: Full, Epilogue: Bias},
		{M: 1, N: 1, K: 1, TransB: true, Compute: TF32, Epilogue: Bias},
	} {
		m := &Matmul{handle: h}
		if err := m.describe(p); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
		var transposed int32
		var written uint64
		err := h.call("cublasLtMatmulDescGetAttribute", m.desc, descTransB, uintptr(unsafe.Pointer(&transposed)), unsafe.Sizeof(transposed),
			uintptr(unsafe.Pointer(&written)))
		if err != nil || written != 4 || transposed != operation(p.TransA) {
			t.Errorf("%+v: the second operand's operation is %d (%d bytes), %v", p, transposed, written, err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	m := &Matmul{handle: h}
	if err := m.describe(Problem{M: 1, N: 1, K: 1, Compute: Full, Epilogue: Plain}); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	wide := int64(1)
	err := h.call("cublasLtMatmulDescSetAttribute", m.desc, descTransA, uintptr(unsafe.Pointer(&wide)), unsafe.Sizeof(wide))
	var status *Error
	if !errors.As(err, &status) || statuses[status.Code] != "INVALID_VALUE" {
		t.Errorf("an attribute of the wrong size: error %v, want INVALID_VALUE", err)
	}
}
