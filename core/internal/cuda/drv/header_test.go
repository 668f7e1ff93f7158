package drv

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/internal/cuda/headers"
)

// declarations are the functions that the binding calls, with what it passes.
func declarations() map[string]string {
	return map[string]string{
		"cuDriverGetVersion":           "int*",
		"cuInit":                       "unsigned",
		"cuGetErrorName":               "CUresult, const char**",
		"cuDeviceGetCount":             "int*",
		"cuDeviceGet":                  "CUdevice*, int",
		"cuDeviceGetName":              "char*, int, CUdevice",
		"cuDeviceGetPCIBusId":          "char*, int, CUdevice",
		"cuDeviceTotalMem_v2":          "size_t*, CUdevice",
		"cuDeviceGetAttribute":         "int*, CUdevice_attribute, CUdevice",
		"cuDevicePrimaryCtxRetain":     "CUcontext*, CUdevice",
		"cuDevicePrimaryCtxRelease_v2": "CUdevice",
		"cuCtxSetCurrent":              "CUcontext",
		"cuCtxSynchronize":             "",
		"cuMemGetInfo_v2":              "size_t*, size_t*",
		"cuMemAlloc_v2":                "CUdeviceptr*, size_t",
		"cuMemFree_v2":                 "CUdeviceptr",
		"cuMemHostAlloc":               "void**, size_t, unsigned",
		"cuMemFreeHost":                "void*",
		"cuMemHostRegister_v2":         "void*, size_t, unsigned",
		"cuMemHostUnregister":          "void*",
		"cuStreamCreate":               "CUstream*, unsigned",
		"cuStreamDestroy_v2":           "CUstream",
		"cuStreamSynchronize":          "CUstream",
		"cuStreamWaitEvent":            "CUstream, CUevent, unsigned",
		"cuEventCreate":                "CUevent*, unsigned",
		"cuEventDestroy_v2":            "CUevent",
		"cuEventRecord":                "CUevent, CUstream",
		"cuEventSynchronize":           "CUevent",
		"cuEventQuery":                 "CUevent",
		"cuEventElapsedTime":           "float*, CUevent, CUevent",
		"cuModuleLoadData":             "CUmodule*, const void*",
		"cuModuleUnload":               "CUmodule",
		"cuModuleGetFunction":          "CUfunction*, CUmodule, const char*",
		"cuFuncSetAttribute":           "CUfunction, CUfunction_attribute, int",
		"cuLaunchKernel":               "CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, CUstream, void**, void**",
		"cuMemcpyHtoDAsync_v2":         "CUdeviceptr, const void*, size_t, CUstream",
		"cuMemcpyDtoHAsync_v2":         "void*, CUdeviceptr, size_t, CUstream",
		"cuMemcpyDtoDAsync_v2":         "CUdeviceptr, CUdeviceptr, size_t, CUstream",
		"cuMemsetD8Async":              "CUdeviceptr, unsigned char, size_t, CUstream",
		"cuStreamBeginCapture_v2":      "CUstream, CUstreamCaptureMode",
		"cuStreamEndCapture":           "CUstream, CUgraph*",
		"cuGraphDestroy":               "CUgraph",
		"cuGraphInstantiateWithFlags":  "CUgraphExec*, CUgraph, unsigned long long",
		"cuGraphLaunch":                "CUgraphExec, CUstream",
		"cuGraphExecDestroy":           "CUgraphExec",
	}
}

// Functions are the names of declarations, but for the function that names errors.
func Functions() []string {
	all := declarations()
	delete(all, "cuGetErrorName")
	return slices.Sorted(maps.Keys(all))
}

// TestHeader holds functions and numbers to NVIDIA's cuda.h.
func TestHeader(t *testing.T) {
	values := map[string]int{
		"CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT": attributeSMs, "CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR": attributeMajor,
		"CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR": attributeMinor, "CU_STREAM_NON_BLOCKING": streamNonBlocking,
		"CU_STREAM_CAPTURE_MODE_THREAD_LOCAL": captureThreadLocal, "CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES": functionMaxShared,
		"CUDA_ERROR_NOT_READY": notReady, "sizeof(CUdeviceptr)": 8, "sizeof(CUdevice)": 4, "sizeof(CUresult)": 4,
	}
	for _, e := range []error{ErrOutOfMemory, ErrNoDevice, ErrInvalidDevice, ErrInvalidContext} {
		values[e.(*Error).Name] = e.(*Error).Code
	}
	losing := []string{"DEINITIALIZED", "DEVICE_UNAVAILABLE", "ECC_UNCORRECTABLE", "NVLINK_UNCORRECTABLE", "ILLEGAL_ADDRESS", "LAUNCH_TIMEOUT",
		"CONTEXT_IS_DESTROYED", "ASSERT", "HARDWARE_STACK_ERROR", "ILLEGAL_INSTRUCTION", "MISALIGNED_ADDRESS", "INVALID_ADDRESS_SPACE",
		"INVALID_PC", "LAUNCH_FAILED"}
	if len(losing) != len(lost) {
		t.Fatalf("%d names of %d codes", len(losing), len(lost))
	}
	for i, name := range losing {
		values["CUDA_ERROR_"+name] = lost[i]
	}
	// The types are those of the functions that the names without _v2 stand for in programs.
	var source strings.Builder
	source.WriteString("#include <cstring>\n#include <type_traits>\n#define TEXT(x) #x\n#define NAME(x) TEXT(x)\n")
	source.WriteString("constexpr bool same(const char* a, const char* b) { return *a == *b && (!*a || same(a + 1, b + 1)); }\n")
	for name, arguments := range declarations() {
		plain := strings.TrimSuffix(name, "_v2")
		newer := []string{"cuCtxSynchronize", "cuEventElapsedTime"} // whose plain names stand for later versions; these stay for programs of before
		if !slices.Contains(newer, name) {
			fmt.Fprintf(&source, "static_assert(same(NAME(%s), %q), \"name\");\n", plain, name)
			fmt.Fprintf(&source, "static_assert(std::is_same<decltype(&%s), CUresult (*)(%s)>::value, %q);\n", plain, arguments, name)
		}
	}
	headers.Check(t, "cuda.h", headers.Values("cuda.h", values)+source.String())
}
