package scaffold_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/scaffold"
	"github.com/sslctl/sslctl/sdk/wire"
)

// checkout is this repository.
func checkout(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPython runs the tests of new projects in Python. SDK_PYTHON is the interpreter with the SDK's dependencies, which
// `make test` names where there is one and says so where there is none.
func TestPython(t *testing.T) {
	python := os.Getenv("SDK_PYTHON")
	if python == "" {
		t.Skip("SDK_PYTHON names no python with the dependencies of sdk/python; make test finds one")
	}
	for _, kind := range wire.Kinds() {
		dir := filepath.Join(t.TempDir(), "my-plugin")
		if _, err := scaffold.Write(scaffold.Project{Name: "my-plugin", Kind: kind, Language: scaffold.Python, Dir: dir, SDK: checkout(t)}); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(python, "-m", "unittest")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join(checkout(t), "sdk", "python"), "PYTHONDONTWRITEBYTECODE=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "\nOK") {
			t.Errorf("%s: %v\n%s", kind, err, out)
		}
	}
}

// TestFiles holds every project to its files, without a remainder of the template's language in any.
func TestFiles(t *testing.T) {
	for _, tc := range []struct {
		kind  wire.Kind
		lang  scaffold.Language
		files string
	}{
		{wire.Method, scaffold.Go, ".github/workflows/ci.yml .gitignore Makefile README.md describe.go go.mod main.go method.go method_test.go"},
		{wire.Regulariser, scaffold.Go, ".github/workflows/ci.yml .gitignore Makefile README.md describe.go go.mod main.go regulariser.go regulariser_test.go"},
		{wire.Backbone, scaffold.Go, ".github/workflows/ci.yml .gitignore Makefile README.md backbone.go backbone_test.go describe.go go.mod main.go"},
		{wire.Method, scaffold.Python, ".github/workflows/ci.yml .gitignore Makefile README.md my_plugin.py pyproject.toml test_my_plugin.py"},
		{wire.Backbone, scaffold.Python, ".github/workflows/ci.yml .gitignore Makefile README.md my_plugin.py pyproject.toml test_my_plugin.py"},
		{wire.Regulariser, scaffold.Python, ".github/workflows/ci.yml .gitignore Makefile README.md my_plugin.py pyproject.toml test_my_plugin.py"},
	} {
		dir := filepath.Join(t.TempDir(), "deep", "my-plugin")
		files, err := scaffold.Write(scaffold.Project{Name: "my-plugin", Kind: tc.kind, Language: tc.lang, Dir: dir, Version: "v1.2.0"})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(files, " "); got != tc.files {
			t.Errorf("%s in %s: %s, want %s", tc.kind, tc.lang, got, tc.files)
		}
		for _, f := range files {
			text, err := os.ReadFile(filepath.Join(dir, f))
			if err != nil || strings.Contains(string(text), "{{") || strings.Contains(string(text), "<no value>") {
				t.Errorf("%s: %v\n%s", f, err, text)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	good := scaffold.Project{Name: "x", Kind: wire.Method, Language: scaffold.Go, Dir: filepath.Join(t.TempDir(), "x"), SDK: checkout(t)}
	for name, change := range map[string]func(*scaffold.Project){
		"name":       func(p *scaffold.Project) { p.Name = "../x" },
		"kind":       func(p *scaffold.Project) { p.Kind = "" },
		"language":   func(p *scaffold.Project) { p.Language = "rust" },
		"folder":     func(p *scaffold.Project) { p.Dir = full },
		"file":       func(p *scaffold.Project) { p.Dir = filepath.Join(full, "x") },
		"no version": func(p *scaffold.Project) { p.SDK, p.Version = "", "(devel)" },
		"no SDK":     func(p *scaffold.Project) { p.SDK = full },
	} {
		p := good
		change(&p)
		if _, err := scaffold.Write(p); fault.CodeOf(err) != fault.Usage || fault.HintOf(err) == "" {
			t.Errorf("%s: code %d, %v", name, fault.CodeOf(err), err)
		}
	}
	if _, err := os.Stat(good.Dir); !os.IsNotExist(err) {
		t.Errorf("a refused project is there: %v", err)
	}
}
