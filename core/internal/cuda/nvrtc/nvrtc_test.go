package nvrtc_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc/nvidia"
)

const good = `extern "C" __global__ void fill(float* to, float value, int n) {
	int i = blockIdx.x * blockDim.x + threadIdx.x;
	if (i < n) to[i] = value;
}`

func open(t *testing.T, libs dl.Search) *nvrtc.Compiler {
	t.Helper()
	c, err := nvrtc.Open(libs, nvrtc.Newest)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFakeCompiles(t *testing.T) { testCompile(t, open(t, fake.Start(t).Search()), "FAKECUBN") }

func TestNVIDIAsCompiles(t *testing.T) { testCompile(t, nvidia.Compiler(t), "\x7fELF") }

// testCompile holds a compiler to what both must do; cubins begin with magic.
func testCompile(t *testing.T, c *nvrtc.Compiler, magic string) {
	t.Helper()
	for _, arch := range nvidia.Architectures() {
		cubin, log, err := c.Compile(good, arch)
		if err != nil {
			t.Fatalf("sm_%d: %v", arch, err)
		}
		if !bytes.HasPrefix(cubin, []byte(magic)) {
			t.Errorf("sm_%d: the cubin begins with %q", arch, cubin[:8])
		}
		if log != "" {
			t.Errorf("sm_%d: messages %q", arch, log)
		}
	}
	_, log, err := c.Compile(strings.Replace(good, "value;", "velue;", 1), 90)
	var failure *nvrtc.Error
	if !errors.As(err, &failure) || failure.Name != "NVRTC_ERROR_COMPILATION" || !strings.Contains(failure.Log, "velue") || failure.Log != log {
		t.Errorf("a wrong source: error %v, messages %q", err, log)
	}
	if _, _, err := c.Compile(good, 3); !errors.As(err, &failure) || failure.Name != "NVRTC_ERROR_INVALID_OPTION" {
		t.Errorf("an architecture that there is not: error %v", err)
	}
}

func TestOpenTakesNoNewerThanTheDriver(t *testing.T) {
	folder := fake.Folder(t)
	_, err := nvrtc.Open(dl.In(folder), 12)
	var missing *dl.MissingLibrary
	if !errors.As(err, &missing) || !slices.Equal(missing.Files, []string{"libnvrtc.so.12"}) {
		t.Fatalf("error %v, want that libnvrtc.so.12 is missing", err)
	}
	older := t.TempDir()
	for _, name := range []string{"fake-libcuda.so.1", "libnvrtc.so.13"} {
		if err := os.Symlink(filepath.Join(folder, name), filepath.Join(older, strings.Replace(name, "13", "12", 1))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := nvrtc.Open(dl.In(older), 12); err != nil {
		t.Error(err)
	}
}

func TestCache(t *testing.T) {
	f := fake.Start(t)
	c := open(t, f.Search())
	k := nvrtc.Cache{filepath.Join(t.TempDir(), "a", "b")}
	compile := func(source string, arch, compilations int) []byte {
		t.Helper()
		before := f.Calls("nvrtcCompileProgram")
		cubin, err := k.Compile(c, source, arch)
		if err != nil {
			t.Fatal(err)
		}
		if n := f.Calls("nvrtcCompileProgram") - before; n != compilations {
			t.Errorf("%d compilations, want %d", n, compilations)
		}
		return cubin
	}
	first := compile(good, 90, 1)
	if !bytes.Equal(compile(good, 90, 0), first) {
		t.Error("the cache gives another cubin")
	}
	path := onlyFile(t, k.Folder)
	for name, damage := range map[string]func([]byte) []byte{
		"cut":     func(b []byte) []byte { return b[:len(b)-1] },
		"flipped": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"empty":   func([]byte) []byte { return nil },
	} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, damage(b), 0o644); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(compile(good, 90, 1), first) {
			t.Errorf("%s: another cubin", name)
		}
		compile(good, 90, 0)
	}

	compile(good, 80, 1)
	compile(good+"\n", 90, 1)

	k.Folder = "/proc/none"
	compile(good, 90, 1)
	if _, err := k.Compile(c, "nonsense", 90); err == nil {
		t.Error("nonsense was compiled")
	}
}

// onlyFile is the path of a folder's one file.
func onlyFile(t *testing.T, folder string) string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d files, %v; want one", len(entries), err)
	}
	return filepath.Join(folder, entries[0].Name())
}

func TestEveryCallCanFail(t *testing.T) {
	f := fake.Start(t)
	c := open(t, f.Search())
	for _, call := range []string{"nvrtcCreateProgram", "nvrtcCompileProgram"} {
		f.Fail(call, 1, 11)
		_, _, err := c.Compile(good, 90)
		if failure := (*nvrtc.Error)(nil); !errors.As(err, &failure) || failure.Call != call || failure.Code != 11 {
			t.Errorf("%s fails: error %v", call, err)
		}
	}
}
