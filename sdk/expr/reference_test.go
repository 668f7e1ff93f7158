package expr

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/plugins/ops.md anew")

// samples is an application of each op, from which the reference is read off. Sizes differ from each other, and every
// attribute that counts has a value that is not its zero.
func samples() map[Kind]sample {
	elementwise := []Shape{{2, 3}, {2, 3}}
	image, filter, filtered := Shape{4, 8, 7, 3}, Shape{3, 2, 3, 5}, Shape{4, 4, 4, 5}
	conv := Attrs{Stride: 2, Pad: 1}
	pool := Attrs{Kernel: 3, Stride: 2, Pad: 1}
	stats, channel := Shape{2, 2, 3}, Shape{3}
	norm := Attrs{Groups: 2, Eps: 0.5}
	with := func(a Attrs, shape ...int) Attrs { a.Shape = shape; return a }
	out := map[Kind]sample{
		Affine:       {Attrs{Alpha: 2, Beta: 1}, elementwise[:1]},
		Broadcast:    {Attrs{Shape: []int{4, 2, 3}}, []Shape{{2, 1}}},
		Reshape:      {Attrs{Shape: []int{3, 2}}, []Shape{{6}}},
		Transpose:    {Attrs{}, []Shape{{2, 3}}},
		Slice:        {Attrs{Axis: 1, Start: 2, Stop: 4}, []Shape{{6, 5}}},
		Embed:        {Attrs{Axis: 1, Start: 2, Shape: []int{6, 5}}, []Shape{{6, 2}}},
		Concat:       {Attrs{Axis: 1}, []Shape{{2, 3}, {2, 4}}},
		Gather:       {Attrs{Index: []int{1, 1, 3}}, []Shape{{4, 5}}},
		ScatterAdd:   {Attrs{Index: []int{1, 1, 2}, Shape: []int{4, 5}}, []Shape{{3, 5}}},
		StopGradient: {Attrs{}, elementwise[:1]},
		Sum:          {Attrs{Axes: []int{1}}, []Shape{{2, 3, 4}}},
		MatMul:       {Attrs{}, []Shape{{2, 3}, {3, 4}}},
		Diagonal:     {Attrs{}, []Shape{{3, 3}}},
		DiagEmbed:    {Attrs{}, []Shape{{3}}},
		OffDiagonal:  {Attrs{}, []Shape{{3, 3}}},
		Softmax:      {Attrs{}, []Shape{{2, 3}}},
		LogSoftmax:   {Attrs{}, []Shape{{2, 3}}},
		Conv2D:       {conv, []Shape{image, filter}},
		Conv2DGradX:  {with(conv, image...), []Shape{filtered, filter}},
		Conv2DGradW:  {with(conv, filter...), []Shape{image, filtered}},
		BNStats:      {Attrs{Groups: 2}, []Shape{image}},
		BNApply:      {norm, []Shape{image, stats, channel, channel}},
		BNReduce:     {norm, []Shape{image, image, stats}},
		BNGrad:       {norm, []Shape{image, image, stats, stats, channel}},
		MaxPool:      {pool, []Shape{image}},
		MaxPoolGrad:  {pool, []Shape{{4, 4, 4, 3}, image}},
		AvgPool:      {Attrs{Shape: []int{2, 3}}, []Shape{image}},
		AvgPoolGrad:  {Attrs{Shape: []int{8, 7}}, []Shape{{4, 2, 3, 3}}},
	}
	for _, k := range []Kind{Add, Sub, Mul, Div, ReLUGrad, AbsGrad} {
		out[k] = sample{Attrs{}, elementwise}
	}
	for _, k := range []Kind{Square, Sqrt, Exp, Log, Abs, Reciprocal, ReLU} {
		out[k] = sample{Attrs{}, elementwise[:1]}
	}
	return out
}

type sample struct {
	attrs Attrs
	in    []Shape
}

// run is the sample's result over fixed numbers, with other attributes; an error where they are refused.
func (s sample) run(kind Kind, a Attrs) (Shape, []float32, error) {
	def := definitions[kind]
	shape, err := def.shape(a, s.in)
	if err != nil {
		return nil, nil, err
	}
	in := make([][]float32, len(s.in))
	for i, d := range s.in {
		in[i] = make([]float32, size(d))
		for j := range in[i] {
			in[i][j] = 0.5 + float32((j*7+i*3)%11)
		}
	}
	out := make([]float32, size(shape))
	op := &Op{Kind: kind, Attrs: a, In: s.in, Out: shape, def: def}
	return shape, out, op.Compute(out, in)
}

// attributes are the names of those that count: changed, they change the result or are refused.
func (s sample) attributes(t *testing.T, kind Kind) []string {
	t.Helper()
	shape, out, err := s.run(kind, s.attrs)
	if err != nil {
		t.Fatalf("%s: %v", kind, err)
	}
	var names []string
	for i := range reflect.TypeFor[Attrs]().NumField() {
		field := reflect.TypeFor[Attrs]().Field(i).Name
		if slices.ContainsFunc(changes(s.attrs, i), func(a Attrs) bool {
			shape2, out2, err := s.run(kind, a)
			return err != nil || !slices.Equal(shape, shape2) || !slices.Equal(out, out2)
		}) {
			names = append(names, snake(field))
		}
	}
	return names
}

// changes are the attributes with another value of a field.
func changes(a Attrs, field int) []Attrs {
	var out []Attrs
	set := func(v any) {
		changed := a
		reflect.ValueOf(&changed).Elem().Field(field).Set(reflect.ValueOf(v))
		out = append(out, changed)
	}
	switch v := reflect.ValueOf(a).Field(field).Interface().(type) {
	case float64:
		set(v + 0.25)
	case int:
		set(v + 1)
		set(v - 1)
	case bool:
		set(!v)
	case string:
		set(v + "x")
	case []int:
		set(append(slices.Clone(v), 0))
		for i := range v {
			other := slices.Clone(v)
			other[i]++
			set(other)
		}
	}
	return out
}

// snake is a field's name as programs print it: TransA is trans_a.
func snake(name string) string {
	var s strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			s.WriteByte('_')
		}
		s.WriteString(strings.ToLower(string(r)))
	}
	return s.String()
}

// gradient says for which operands there is a gradient.
func (s sample) gradient(kind Kind) string {
	op := &Op{Kind: kind, In: s.in, def: definitions[kind]}
	wrt := op.DiffWRT(len(s.in))
	switch {
	case !slices.Contains(wrt, true):
		return "no"
	case !slices.Contains(wrt, false):
		return "yes"
	}
	var which []string
	for i, has := range wrt {
		if has {
			which = append(which, fmt.Sprint(i+1))
		}
	}
	return "of operands " + strings.Join(which, ", ")
}

func operands(d definition) string {
	switch {
	case d.arity < 0:
		return "1 or more"
	case d.optional > 0:
		return fmt.Sprintf("%d or %d", d.arity, d.arity+d.optional)
	}
	return fmt.Sprint(d.arity)
}

// family is a group of ops in ops.go, with its comment.
type family struct {
	title, rule string
	ops         []described
}

// described is an op as ops.go has it.
type described struct {
	ident   string
	kind    Kind
	meaning string
}

// families reads the op set's declaration.
func families(t *testing.T) []family {
	t.Helper()
	var out []family
	for _, decl := range parse(t, "ops.go").Decls {
		block, ok := decl.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		for _, spec := range block.Specs {
			v := spec.(*ast.ValueSpec)
			if v.Type == nil { // the version
				continue
			}
			if v.Doc != nil {
				title, rule, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(v.Doc.Text()), "."), ": ")
				out = append(out, family{title: title, rule: rule})
			}
			last := &out[len(out)-1]
			literal := v.Values[0].(*ast.BasicLit).Value
			last.ops = append(last.ops, described{v.Names[0].Name, Kind(strings.Trim(literal, `"`)), strings.TrimSpace(v.Comment.Text())})
		}
	}
	return out
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// fluent is what authors write: by op the functions that apply it, and those that are made of several, with their doc.
func fluent(t *testing.T, idents map[string]Kind) (of map[Kind][]string, composed [][2]string) {
	t.Helper()
	of = map[Kind][]string{}
	for _, decl := range parse(t, "tensor.go").Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || !f.Name.IsExported() || !isTensor(f.Type.Results) {
			continue
		}
		var applies []Kind
		ast.Inspect(f.Body, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) > 0 {
				if id, ok := call.Args[0].(*ast.Ident); ok && idents[id.Name] != "" {
					applies = append(applies, idents[id.Name])
				}
			}
			return true
		})
		for _, kind := range applies {
			of[kind] = append(of[kind], f.Name.Name)
		}
		if len(applies) == 0 {
			composed = append(composed, [2]string{f.Name.Name, strings.Join(strings.Fields(f.Doc.Text()), " ")})
		}
	}
	return of, composed
}

func isTensor(results *ast.FieldList) bool {
	if results == nil || len(results.List) != 1 {
		return false
	}
	id, ok := results.List[0].Type.(*ast.Ident)
	return ok && id.Name == "Tensor"
}

// reference is the page.
func reference(t *testing.T) string {
	t.Helper()
	all := families(t)
	idents := map[string]Kind{}
	for _, f := range all {
		for _, op := range f.ops {
			idents[op.ident] = op.kind
		}
	}
	of, composed := fluent(t, idents)
	kernels := cudaKernels(t)
	var s strings.Builder
	fmt.Fprintf(&s, preamble, OpSet, len(idents))
	for _, f := range all {
		fmt.Fprintf(&s, "## %s\n\n", f.title)
		if f.rule != "" {
			fmt.Fprintf(&s, "%s.\n\n", strings.ToUpper(f.rule[:1])+f.rule[1:])
		}
		s.WriteString("| op | in Go | meaning | operands | attributes | shapes, for example | gradient | CUDA kernel |\n|---|---|---|---|---|---|---|---|\n")
		for _, op := range f.ops {
			s.WriteString(row(t, op, of[op.kind], kernels[op.kind]))
		}
		s.WriteByte('\n')
	}
	s.WriteString("## Made of these\n\n| in Go | meaning |\n|---|---|\n")
	for _, c := range composed {
		fmt.Fprintf(&s, "| `%s` | %s |\n", c[0], strings.ReplaceAll(c[1], "|", `\|`))
	}
	return s.String()
}

// cudaKernels lists for each op the functions of core/engine/cuda/kernels that compute it, which the tests there find out.
func cudaKernels(t *testing.T) map[Kind][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "core", "engine", "cuda", "kernels", "testdata", "ops.txt"))
	if err != nil {
		t.Fatal(err)
	}
	of := map[Kind][]string{}
	for line := range strings.Lines(string(text)) {
		kind, functions, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			t.Fatalf("ops.txt: %q", line)
		}
		of[Kind(kind)] = strings.Split(functions, ", ")
	}
	for _, kind := range Kinds() {
		if len(of[kind]) == 0 {
			t.Errorf("op %s has no CUDA kernel", kind)
		}
	}
	return of
}

func row(t *testing.T, op described, methods, kernels []string) string {
	t.Helper()
	example, ok := samples()[op.kind]
	if !ok {
		t.Fatalf("no sample of %s", op.kind)
	}
	attributes := example.attributes(t, op.kind)
	out, _, err := example.run(op.kind, example.attrs)
	if err != nil {
		t.Fatal(err)
	}
	var in []string
	for _, d := range example.in {
		in = append(in, fmt.Sprint([]int(d)))
	}
	shapes := fmt.Sprintf("%s → %v", strings.Join(in, " "), []int(out))
	if set := example.attrs.String(); set != "" {
		shapes += " with" + strings.Trim(strings.NewReplacer("{", "", "}", "").Replace(set), "")
	}
	return fmt.Sprintf("| `%s` | %s | `%s` | %s | %s | %s | %s | %s |\n", op.kind, code(methods), op.meaning,
		operands(definitions[op.kind]), code(attributes), shapes, example.gradient(op.kind), code(kernels))
}

func code(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = "`" + n + "`"
	}
	return strings.Join(quoted, ", ")
}

const preamble = `# The op set

Generated from sdk/expr by ` + "`go test ./sdk/expr -run TestReference -update`" + `; do not edit.

Version %d, %d ops: all that a program can say, apart from custom ops. The meaning of an op never changes; a new op takes a new
version of the set. Tensors are float32 of at most 8 axes, shapes are static, and each op's reference sums in float64. In Go
the methods of ` + "`expr.Tensor`" + ` (` + "`Join`" + ` is a function) apply the ops and broadcast their operands by NumPy's rule where an op wants
equal shapes; the SDK for Python has the same set ([python.md](python.md)). An op without an entry under "in Go" is made by
gradients, by layers (sdk/expr/nn) or by broadcasting, and can be applied with ` + "`Builder.Apply`" + `.

"attributes" are the constants that count, and "gradient" says for which operands the host can differentiate. A gradient stops,
without an error, at an op that has none. "CUDA kernel" names the functions of core/engine/cuda/kernels/cu that compute the op on
a GPU; "view" needs none. Neighbouring elementwise ops run as one chain, and with cuDNN and cublasLt these compute convolutions and
products instead.

`

// TestReference holds docs/plugins/ops.md to the op set: every op of it is declared, described and sampled, and the page
// says what the shape rules, references and gradients do.
func TestReference(t *testing.T) {
	var declared []Kind
	for _, f := range families(t) {
		for _, op := range f.ops {
			declared = append(declared, op.kind)
			if op.meaning == "" {
				t.Errorf("%s has no comment in ops.go", op.kind)
			}
		}
	}
	slices.Sort(declared)
	if !slices.Equal(declared, Kinds()) {
		t.Fatalf("ops.go declares %v, the set is %v", declared, Kinds())
	}
	path := filepath.Join("..", "..", "docs", "plugins", "ops.md")
	want := reference(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is stale; go test ./sdk/expr -run TestReference -update", path)
	}
}
