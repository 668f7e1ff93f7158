package fake

import (
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofrs/flock"
	"github.com/sourcegraph/conc/pool"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
)

// sources are all that the fakes are made of and how.
//
//go:embed src build.go
var sources embed.FS

// library says how a fake is built: its sources, and the fakes that it is linked to.
type library struct {
	file    string
	sources []string
	uses    []string
}

// libraries are the fakes, those first that others use.
func libraries() []library {
	driver := []string{"libcuda.so.1"}
	return []library{
		{"libcuda.so.1", []string{"driver.cpp", "memory.cpp", "stream.cpp", "fiber.cpp", "launch.cpp"}, nil},
		{"libnvrtc.so.13", []string{"nvrtc.cpp"}, driver},
		{"libnvidia-ml.so.1", []string{"nvml.cpp"}, driver},
		{"libcublasLt.so.13", []string{"cublaslt.cpp"}, driver},
		{"libcudnn.so.9", []string{"cudnn.cpp"}, driver},
	}
}

// build compiles the fakes into a folder of the user's cache that is named by the sources and the compiler, unless it is there.
// The lock lets tests that run at once build once.
func build(t testing.TB) string {
	t.Helper()
	if !dl.Supported {
		t.Skip("CUDA IS NOT TESTED: it is not built for this system")
	}
	version, err := exec.Command("g++", "--version").Output()
	if err != nil {
		t.Skipf("CUDA IS NOT TESTED: the fakes of NVIDIA's libraries need g++: %v", err)
	}
	name, err := identity(string(version))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	cache = filepath.Join(cache, "sslctl", "fake-cuda")
	folder := filepath.Join(cache, name)
	if err := buildOnce(cache, folder); err != nil {
		t.Fatalf("build the fakes of NVIDIA's libraries: %v", err)
	}
	return folder
}

// lacking links a driver without some functions, in a folder of the test's that has everything else of a built one.
func lacking(t testing.TB, built string, functions []string) string {
	t.Helper()
	folder := t.TempDir()
	driver := libraries()[0]
	entries, err := os.ReadDir(built)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == driver.file || e.Name() == ownName(driver) {
			continue
		}
		if err := os.Symlink(filepath.Join(built, e.Name()), filepath.Join(folder, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	script := "{ local: " + strings.Join(functions, "; ") + "; };\n"
	if err := os.WriteFile(filepath.Join(folder, "lacking.map"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := link(folder, driver, "-Wl,--version-script=lacking.map"); err != nil {
		t.Fatal(err)
	}
	return folder
}

// identity is the hash of all that a build depends on.
func identity(compiler string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, compiler)
	err := fs.WalkDir(sources, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := sources.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n%s", path, len(text), text)
		return err
	})
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), err
}

// buildOnce leaves a complete folder: it builds beside it and renames.
func buildOnce(cache, folder string) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return err
	}
	lock := flock.New(filepath.Join(cache, "lock"))
	if err := lock.Lock(); err != nil {
		return err
	}
	defer lock.Unlock()
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	work, err := os.MkdirTemp(cache, "building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := compile(work); err != nil {
		return err
	}
	return os.Rename(work, folder)
}

// compile builds all fakes in a folder, each source at the same time as the others, and then links.
func compile(work string) error {
	src, err := fs.Sub(sources, "src")
	if err != nil {
		return err
	}
	if err := os.CopyFS(work, src); err != nil {
		return err
	}
	p := pool.New().WithErrors()
	for _, l := range libraries() {
		for _, s := range l.sources {
			p.Go(func() error {
				return gpp(work, "-std=c++17", "-O2", "-fPIC", "-fvisibility=hidden", "-c", s, "-o", s+".o")
			})
		}
	}
	if err := p.Wait(); err != nil {
		return err
	}
	for _, l := range libraries() {
		if err := link(work, l); err != nil {
			return err
		}
	}
	return nil
}

// link makes a library of its objects.
func link(work string, l library, more ...string) error {
	if err := os.Symlink(l.file, filepath.Join(work, ownName(l))); err != nil {
		return err
	}
	args := append([]string{"-shared", "-Wl,-soname," + ownName(l), "-Wl,-rpath,$ORIGIN", "-Wl,-z,defs", "-o", l.file}, more...)
	for _, s := range l.sources {
		args = append(args, s+".o")
	}
	for _, u := range l.uses {
		args = append(args, "-L.", "-l:"+u)
	}
	return gpp(work, append(args, "-ldl", "-lpthread")...)
}

// ownName is the name by which a fake is asked for by others. It is not the real one's: NVIDIA's libraries in the same process
// look for one another by name, and must not find a fake.
func ownName(l library) string { return "fake-" + l.file }

func gpp(folder string, args ...string) error {
	cmd := exec.Command("g++", args...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("g++ %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
