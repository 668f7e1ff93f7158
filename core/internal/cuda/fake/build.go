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

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
)

// sources are all that the fakes are made of and how.
//
//go:embed src compile.go
var sources embed.FS

// build is Build for tests, which are skipped where the fakes cannot be built at all.
func build(t testing.TB) string {
	t.Helper()
	folder, err := Build()
	if errors.Is(err, ErrUnavailable) {
		t.Skipf("CUDA IS NOT TESTED: %v", err)
	}
	if err != nil {
		t.Fatalf("build the fakes of NVIDIA's libraries: %v", err)
	}
	return folder
}

// ErrUnavailable says that this machine cannot build or open the fakes.
var ErrUnavailable = errors.New("the fakes of NVIDIA's libraries need Linux and g++")

// Build compiles the fakes into a folder of the user's cache that is named by the sources and the compiler, unless it is there.
// A lock lets processes that run at once build once.
func Build() (folder string, err error) {
	if !dl.Supported {
		return "", ErrUnavailable
	}
	version, err := exec.Command("g++", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	name, err := identity(string(version))
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "sslctl", "fake-cuda")
	folder = filepath.Join(cache, name)
	return folder, buildOnce(cache, folder)
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
