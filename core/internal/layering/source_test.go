package layering

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// enders are the functions that end the process, by import path. Only commands may call them: a library returns errors.
func enders() map[string][]string {
	return map[string][]string{"os": {"Exit"}, "log": {"Fatal", "Fatalf", "Fatalln"}, "syscall": {"Exit"}}
}

// breaches lists what a file of a room may not contain: a naked go statement (conc owns goroutines) anywhere, an end of the
// process outside commands.
func breaches(fset *token.FileSet, f *ast.File, command bool) []string {
	ends := enderNames(f)
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			out = append(out, fmt.Sprintf("%s: naked go statement; own the goroutine with conc", fset.Position(n.Pos())))
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if ok && !command && slices.Contains(ends[x.Name], n.Sel.Name) {
				out = append(out, fmt.Sprintf("%s: %s.%s outside a command; return an error", fset.Position(n.Pos()), x.Name, n.Sel.Name))
			}
		}
		return true
	})
	return out
}

// enderNames maps the local names of imported packages to their enders.
func enderNames(f *ast.File) map[string][]string {
	out := map[string][]string{}
	for _, i := range f.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		functions, ok := enders()[path]
		if err != nil || !ok {
			continue
		}
		name := path
		if i.Name != nil {
			name = i.Name.Name
		}
		out[name] = functions
	}
	return out
}

// isCommand reports whether a file may end its process: it belongs to a program, or to sdk/plugin, which runs a plugin's
// process from its main to its end.
func isCommand(path string, f *ast.File) bool {
	return strings.HasPrefix(path, "cmd/") || strings.HasPrefix(path, "sdk/plugin/") || f.Name.Name == "main"
}

func TestSourcesKeepTheRules(t *testing.T) {
	dir := root(t)
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(path, dir+string(filepath.Separator)))
		if d.IsDir() && path != dir && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || slices.Contains([]string{"bin", "runs", "data"}, rel)) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files++
		for _, b := range breaches(fset, f, isCommand(rel, f)) {
			t.Error(strings.TrimPrefix(b, dir+string(filepath.Separator)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("looked at %d files only", files)
	}
}

func TestBreachesAreFound(t *testing.T) {
	const source = `package p
import (
	"os"
	l "log"
)
func f(log interface{ Fatal(...any) }) {
	go f(nil)
	log.Fatal()
	os.Exit(1)
	l.Fatalf("")
	os.Getenv("")
	defer func() { go func() {}() }()
}`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"p.go:7:2: naked go statement; own the goroutine with conc",
		"p.go:9:2: os.Exit outside a command; return an error",
		"p.go:10:2: l.Fatalf outside a command; return an error",
		"p.go:12:17: naked go statement; own the goroutine with conc",
	}
	if diff := cmp.Diff(want, breaches(fset, file, false)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{want[0], want[3]}, breaches(fset, file, true)); diff != "" {
		t.Errorf("in a command: %s", diff)
	}
}
