// Package headers holds bindings and fakes to NVIDIA's own headers, in tests: [Check] has a C++ compiler judge a source that
// includes them. The headers come with the Python wheels and the toolkit, or are in the folders of [Variable]; where they or the
// compiler are not there, the test is skipped and says so.
package headers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
)

// Variable is the environment variable with folders, separated by colons, in which headers are looked for first.
const Variable = "SSLCTL_CUDA_HEADERS"

// hostDefines stands for crt/host_defines.h, which comes with the compiler for devices and is all that the wheels lack.
const hostDefines = `
#define __host__
#define __device__
#define __device_builtin__
#define __device_builtin_texture_type__
#define __device_builtin_surface_type__
#define __cudart_builtin__
#define __builtin_align__(n) __attribute__((aligned(n)))
#define __align__(n) __attribute__((aligned(n)))
#define __forceinline__ inline
#define CUDARTAPI
#define CUDARTAPI_CDECL
#define CUDACC_CUDART_EXPORT
`

// Check compiles C++ that includes a header of NVIDIA's, such as "cudnn.h", with REAL_HEADERS defined, and fails the test
// where it does not compile.
func Check(t *testing.T, header, source string) {
	t.Helper()
	compiler, err := exec.LookPath("g++")
	if err != nil {
		t.Skipf("CUDA IS NOT TESTED against headers: no g++ to read %s with", header)
	}
	folders := append(filepath.SplitList(os.Getenv(Variable)), find(dl.Default())...)
	if !within(folders, header) {
		t.Skipf("CUDA IS NOT TESTED against headers: no %s beside NVIDIA's libraries; pip install torch brings those of cuDNN and cublasLt (VIRTUAL_ENV says where), a CUDA toolkit all; %s names other folders", header, Variable)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "check.cpp")
	if err := os.MkdirAll(filepath.Join(dir, "crt"), 0o755); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{file: source, filepath.Join(dir, "crt/host_defines.h"): hostDefines} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-std=c++17", "-fsyntax-only", "-Wno-deprecated-declarations", "-DREAL_HEADERS"}
	for _, f := range folders {
		args = append(args, "-I"+f)
	}
	args = append(args, "-idirafter", dir, file)
	if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
		t.Errorf("%s disagrees: %v\n%s", header, err, out)
	}
}

// Values is a source by which the compiler compares constants of a header with numbers.
func Values(header string, values map[string]int) string {
	var s strings.Builder
	fmt.Fprintf(&s, "#include <%s>\n", header)
	for name, v := range values {
		fmt.Fprintf(&s, "static_assert(%s == %d, \"%s\");\n", name, v, name)
	}
	return s.String()
}

// find lists the include folders beside the folders of a search.
func find(search dl.Search) []string {
	var out []string
	for _, place := range search {
		if place.Folder == "" {
			continue
		}
		include := filepath.Join(filepath.Dir(place.Folder), "include")
		if info, err := os.Stat(include); err == nil && info.IsDir() {
			out = append(out, include)
		}
	}
	return out
}

func within(folders []string, header string) bool {
	for _, f := range folders {
		if _, err := os.Stat(filepath.Join(f, header)); err == nil {
			return true
		}
	}
	return false
}
