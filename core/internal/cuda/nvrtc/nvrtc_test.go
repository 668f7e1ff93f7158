package nvrtc

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
)

const good = `extern "C" __global__ void fill(float* to, float value, int n) {
	int i = blockIdx.x * blockDim.x + threadIdx.x;
	if (i < n) to[i] = value;
}`

func open(t *testing.T, libs dl.Search) *Compiler {
	t.Helper()
	c, err := Open(libs, Newest)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// compilers are the fake one and, where it is found, NVIDIA's.
func compilers(t *testing.T) map[string]*Compiler {
	t.Helper()
	out := map[string]*Compiler{"fake": open(t, fake.Start(t).Search())}
	c, err := Open(Real(), Newest)
	if err != nil {
		t.Logf("NVRTC IS NOT TESTED: %v", err)
		return out
	}
	out["NVIDIA's"] = c
	return out
}

func TestCompile(t *testing.T) {
	for name, c := range compilers(t) {
		t.Run(name, func(t *testing.T) {
			for _, arch := range []int{80, 90} {
				cubin, log, err := c.Compile(good, arch)
				if err != nil {
					t.Fatalf("sm_%d: %v", arch, err)
				}
				if want := []byte("\x7fELF"); !bytes.HasPrefix(cubin, want) && name != "fake" {
					t.Errorf("sm_%d: the cubin begins with %q", arch, cubin[:8])
				}
				if log != "" {
					t.Errorf("sm_%d: messages %q", arch, log)
				}
			}
			_, log, err := c.Compile(strings.Replace(good, "value;", "velue;", 1), 90)
			var failure *Error
			if !errors.As(err, &failure) || failure.Name != "NVRTC_ERROR_COMPILATION" || !strings.Contains(failure.Log, "velue") || failure.Log != log {
				t.Errorf("a wrong source: error %v, messages %q", err, log)
			}
			if _, _, err := c.Compile(good, 3); !errors.As(err, &failure) || failure.Name != "NVRTC_ERROR_INVALID_OPTION" {
				t.Errorf("an architecture that there is not: error %v", err)
			}
		})
	}
}

func TestOpenTakesNoNewerThanTheDriver(t *testing.T) {
	folder := fake.Folder(t)
	_, err := Open(dl.In(folder), 12)
	var missing *dl.MissingLibrary
	if !errors.As(err, &missing) || !slices.Equal(missing.Files, []string{"libnvrtc.so.12"}) {
		t.Fatalf("error %v, want that libnvrtc.so.12 is missing", err)
	}
	older := t.TempDir()
	for _, name := range []string{"libcuda.so.1", "libnvrtc.so.13"} {
		if err := os.Symlink(filepath.Join(folder, name), filepath.Join(older, strings.Replace(name, "13", "12", 1))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(dl.In(older), 12); err != nil {
		t.Error(err)
	}
}

func TestCache(t *testing.T) {
	f := fake.Start(t)
	c := open(t, f.Search())
	k := Cache{filepath.Join(t.TempDir(), "a", "b")}
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
	compile(good, 80, 1)
	compile(good+"\n", 90, 1)

	path := k.path(c, good, 90)
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

	k.Folder = "/proc/none"
	compile(good, 90, 1)
	if _, err := k.Compile(c, "nonsense", 90); err == nil {
		t.Error("nonsense was compiled")
	}
}

func TestEveryCallCanFail(t *testing.T) {
	f := fake.Start(t)
	c := open(t, f.Search())
	for _, call := range []string{"nvrtcCreateProgram", "nvrtcCompileProgram"} {
		f.Fail(call, 1, 11)
		_, _, err := c.Compile(good, 90)
		if failure := (*Error)(nil); !errors.As(err, &failure) || failure.Call != call || failure.Code != 11 {
			t.Errorf("%s fails: error %v", call, err)
		}
	}
}
