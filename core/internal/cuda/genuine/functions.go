package genuine

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/internal/cuda/dl"
)

// Functions checks that a library has every function that the package under test calls: the names that stand in its source,
// save for tests, and begin with a prefix.
func Functions(t *testing.T, l *dl.Library, prefix string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Logf("the functions of %s are not looked for: the source is not here", l.Name)
		return
	}
	count := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(syntax, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			name, err := strconv.Unquote(literal.Value)
			if err != nil || !strings.HasPrefix(name, prefix) || name == prefix || strings.ContainsAny(name, " ./") {
				return true
			}
			if count++; !l.Has(name) {
				t.Errorf("%s has no %s", l.Path, name)
			}
			return true
		})
	}
	if count == 0 {
		t.Errorf("the source names no function that begins with %q", prefix)
	}
	t.Logf("%d functions found", count)
}
