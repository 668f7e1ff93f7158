// Package layering holds the laws of the house, as tests: who may import whom, who may start goroutines and who may end the
// process. It has no code but its tests; a law that has to change is changed here and in docs/design.md together.
package layering

import (
	"fmt"
	"slices"
	"strings"
)

// module is the path before every room.
const module = "github.com/sslctl/sslctl/"

// law says what a room may reach, directly or through others, besides itself. Rooms are folders below the module; a package
// belongs to the deepest room with a law.
type law struct {
	room string
	may  []string
	why  string
}

// laws is docs/design.md's table of rooms. Code of tests is free: an outside reference may come from anywhere.
func laws() []law {
	ground := []string{"core/fault", "core/durable", "core/safetensors"}
	arithmetic := append([]string{"core/engine/cpu/kernel"}, ground...)
	return []law{
		{"sdk", nil, "the SDK is all that a plugin's author imports: never core"},
		{"sdk/expr", nil, "the language of tensors knows nothing of methods"},
		{"sdk/method", []string{"sdk/expr"}, "the author's face knows neither wire nor host"},
		{"sdk/backbone", []string{"sdk/expr", "sdk/method"}, "the face of a backbone's author knows neither wire nor host"},
		{"methods", []string{"sdk"}, "methods know nothing of devices"},
		{"plugins", []string{"sdk", "methods"}, "a plugin is a method served by the SDK"},
		{"backbones", []string{"sdk/expr"}, "backbones can be used alone"},
		{"augment", nil, "augmentation can be used alone"},
		{"core/fault", nil, "errors stand under everything"},
		{"core/durable", ground, "files stand under everything"},
		{"core/safetensors", ground, "files stand under everything"},
		{"core/config", ground, "configuration is the start of the way and knows nobody further down"},
		{"core/data", append([]string{"augment"}, ground...), "data knows nothing of what learns from it"},
		{"core/engine", append([]string{"sdk/expr"}, ground...), "the engine knows tensors, not self-supervision"},
		{"core/engine/cpu/kernel", ground, "kernels know numbers, not graphs"},
		{"core/engine/cuda", append([]string{"augment", "core/engine", "core/internal/cuda", "sdk/expr"}, ground...), "the GPU's device knows plans and NVIDIA's libraries"},
		{"core/engine/cuda/kernels", append([]string{"core/engine", "sdk/expr"}, ground...), "kernels are text and numbers: no driver"},
		{"core/engine/cuda/views", append([]string{"augment", "core/engine", "sdk/expr"}, ground...), "views are text and numbers: no driver"},
		{"core/internal/cuda", ground, "bindings know NVIDIA's libraries, not tensors"},
		{"core/optim", append([]string{"core/engine", "sdk/expr"}, arithmetic...), "an optimiser knows named numbers and their expressions, not networks"},
		{"core/probe", arithmetic, "a probe knows features and labels, not how they came about"},
		{"core", []string{"sdk", "augment", "backbones"}, "core knows methods through the SDK only, and never the command line"},
		{"cmd", []string{"core", "sdk", "plugins", "methods", "augment", "backbones"}, "the command line joins everything"},
	}
}

// goPackage is what `go list -json` says of a package that the laws need.
type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// broken lists the laws that packages break, each with the chain of imports that does.
func broken(all []law, packages []goPackage) []string {
	imports := make(map[string][]string, len(packages))
	for _, p := range packages {
		imports[p.ImportPath] = p.Imports
	}
	var out []string
	for _, p := range packages {
		own, ok := strings.CutPrefix(p.ImportPath, module)
		if !ok {
			continue
		}
		l, ok := lawOf(all, own)
		if !ok {
			out = append(out, fmt.Sprintf("%s stands in no room that has a law", own))
			continue
		}
		for _, d := range p.Deps {
			dep, ours := strings.CutPrefix(d, module)
			if ours && !within(dep, l.room) && !slices.ContainsFunc(l.may, func(room string) bool { return within(dep, room) }) {
				out = append(out, fmt.Sprintf("%s (%s)", chain(imports, p.ImportPath, d), l.why))
			}
		}
	}
	return out
}

// lawOf is the law of the deepest room that holds a package.
func lawOf(all []law, pkg string) (law, bool) {
	var best law
	for _, l := range all {
		if within(pkg, l.room) && len(l.room) > len(best.room) {
			best = l
		}
	}
	return best, best.room != ""
}

func within(pkg, room string) bool { return pkg == room || strings.HasPrefix(pkg, room+"/") }

// chain is the shortest way of imports from one package to another: "a -> b -> c".
func chain(imports map[string][]string, from, to string) string {
	parent := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at == to {
			break
		}
		for _, next := range imports[at] {
			if _, seen := parent[next]; !seen {
				parent[next] = at
				queue = append(queue, next)
			}
		}
	}
	var way []string
	for at := to; at != ""; at = parent[at] {
		way = append(way, strings.TrimPrefix(at, module))
	}
	slices.Reverse(way)
	return strings.Join(way, " -> ")
}
