package layering

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// root is the module's folder.
func root(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("go env GOMOD: %v", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}

// list asks the go command for every package of the module and what it depends on, as built for one platform.
func list(t *testing.T, goos, goarch string) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, &stderr)
	}
	var packages []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return packages
		}
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func TestLawsHold(t *testing.T) {
	for _, platform := range [][2]string{{"linux", "amd64"}, {"darwin", "arm64"}} {
		packages := list(t, platform[0], platform[1])
		if !slices.ContainsFunc(packages, func(p goPackage) bool { return p.ImportPath == module+"core/fault" }) {
			t.Fatalf("go list found %d packages, and core/fault is none of them", len(packages))
		}
		for _, b := range broken(laws(), packages) {
			t.Errorf("%s/%s: %s", platform[0], platform[1], b)
		}
	}
}

// TestBrokenLawsAreFound breaks each law on paper.
func TestBrokenLawsAreFound(t *testing.T) {
	for _, tc := range []struct {
		name     string
		packages []goPackage
		want     []string
	}{
		{"sdk reaches core", []goPackage{pkg("sdk/plugin", "core/fault")}, []string{"sdk/plugin -> core/fault"}},
		{"through another room", []goPackage{pkg("sdk/plugin", "sdk/x"), pkg("sdk/x", "core/host")}, []string{"sdk/plugin -> sdk/x -> core/host", "sdk/x -> core/host"}},
		{"method reaches core", []goPackage{pkg("methods/byol", "core/engine")}, []string{"methods/byol -> core/engine"}},
		{"method reaches a backbone", []goPackage{pkg("methods/byol", "backbones")}, []string{"methods/byol -> backbones"}},
		{"backbone reaches a method's face", []goPackage{pkg("backbones", "sdk/method")}, []string{"backbones -> sdk/method"}},
		{"augmentation reaches anything", []goPackage{pkg("augment", "core/fault")}, []string{"augment -> core/fault"}},
		{"engine reaches a method's face", []goPackage{pkg("core/engine/cpu", "sdk/method")}, []string{"core/engine/cpu -> sdk/method"}},
		{"core reaches a method", []goPackage{pkg("core/train", "methods/byol")}, []string{"core/train -> methods/byol"}},
		{"core reaches the command line", []goPackage{pkg("core/report", "cmd/sslctl")}, []string{"core/report -> cmd/sslctl"}},
		{"a room without a law", []goPackage{pkg("util", "core/fault")}, []string{"util stands in no room"}},
		{"what is allowed", []goPackage{pkg("core/engine", "sdk/expr", "core/fault"), pkg("core/train", "core/engine", "sdk/method"), pkg("cmd/sslctl", "core/train", "plugins"), pkg("methods/byol", "methods/reg", "sdk/method"), pkg("plugins/byol", "methods/byol", "sdk/plugin"), pkg("core/data", "augment")}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := broken(laws(), closed(tc.packages))
			if len(got) != len(tc.want) {
				t.Fatalf("broken: %q, want %q", got, tc.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], tc.want[i]) {
					t.Errorf("broken: %q, want %q", got[i], tc.want[i])
				}
			}
		})
	}
}

func pkg(path string, imports ...string) goPackage {
	p := goPackage{ImportPath: module + path}
	for _, i := range imports {
		p.Imports = append(p.Imports, module+i)
	}
	return p
}

// closed fills Deps: the imports of imports, one level being all that the tables above need.
func closed(packages []goPackage) []goPackage {
	for i, p := range packages {
		packages[i].Deps = slices.Clone(p.Imports)
		for _, q := range packages {
			if slices.Contains(p.Imports, q.ImportPath) {
				packages[i].Deps = append(packages[i].Deps, q.Imports...)
			}
		}
		slices.Sort(packages[i].Deps)
		packages[i].Deps = slices.Compact(packages[i].Deps)
	}
	return packages
}

// TestTopLevel keeps the house to its rooms: every other name in the root is hidden, or git ignores it.
func TestTopLevel(t *testing.T) {
	dir := root(t)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	ignored := ignoredFolders(t, filepath.Join(dir, ".gitignore"))
	var got []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(ignored, e.Name()) {
			got = append(got, e.Name())
		}
	}
	want := []string{
		"LICENSE", "Makefile", "README.md", "augment", "backbones", "cmd", "core", "docs", "go.mod", "go.sum", "methods", "plugins", "sdk",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("top level (-want +got):\n%s", diff)
	}
}

// ignoredFolders lists the folders of the root that .gitignore names: "/bin/" is bin.
func ignoredFolders(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if name := strings.Trim(lines.Text(), "/"); strings.HasPrefix(lines.Text(), "/") && !strings.Contains(name, "/") {
			out = append(out, name)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
