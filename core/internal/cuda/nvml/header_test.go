package nvml

import (
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/sslctl/sslctl/core/internal/cuda/headers"
)

// declarations are the functions that the binding calls, with what it passes.
var declarations = map[string]string{
	"nvmlInit_v2":                      "",
	"nvmlShutdown":                     "",
	"nvmlSystemGetDriverVersion":       "char*, unsigned",
	"nvmlDeviceGetHandleByPciBusId_v2": "const char*, nvmlDevice_t*",
	"nvmlDeviceGetUtilizationRates":    "nvmlDevice_t, nvmlUtilization_t*",
	"nvmlDeviceGetMemoryInfo":          "nvmlDevice_t, nvmlMemory_t*",
}

// TestHeader holds functions, structures and numbers to NVIDIA's nvml.h, which `make test` fetches.
func TestHeader(t *testing.T) {
	var s strings.Builder
	s.WriteString("#include <cstddef>\n#include <type_traits>\n")
	s.WriteString(headers.Values("nvml.h", map[string]int{"NVML_SUCCESS": 0, "sizeof(nvmlReturn_t)": 4, "sizeof(nvmlDevice_t)": int(unsafe.Sizeof(Device{}.handle))}))
	for name, arguments := range declarations {
		fmt.Fprintf(&s, "static_assert(std::is_same<decltype(&%s), nvmlReturn_t (*)(%s)>::value, %q);\n", name, arguments, name)
	}
	s.WriteString("static_assert(std::is_same<decltype(&nvmlErrorString), const char* (*)(nvmlReturn_t)>::value, \"nvmlErrorString\");\n")
	for field, at := range map[string]string{"nvmlUtilization_t, gpu": "0", "nvmlUtilization_t, memory": "4",
		"nvmlMemory_t, total": "0", "nvmlMemory_t, free": "8", "nvmlMemory_t, used": "16"} {
		fmt.Fprintf(&s, "static_assert(offsetof(%s) == %s, %q);\n", field, at, field)
	}
	fmt.Fprintf(&s, "static_assert(sizeof(nvmlUtilization_t) == %d && sizeof(nvmlMemory_t) == %d, \"sizes\");\n", unsafe.Sizeof([2]uint32{}), unsafe.Sizeof([3]uint64{}))
	headers.Check(t, "nvml.h", s.String())
}
