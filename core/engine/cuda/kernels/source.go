package kernels

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"strings"

	"github.com/sslctl/sslctl/core/engine"
)

//go:embed cu/*.cu
var files embed.FS

// library is the order in which the files of cu come in a unit.
var library = []string{"prelude", "chain", "sum", "product", "convolution", "batchnorm", "pooling", "softmax", "shaping"}

// Unit joins the library of kernels and generated sources into one text to compile; equal texts count once.
func Unit(sources ...string) string {
	var unit strings.Builder
	for _, name := range library {
		text, err := files.ReadFile("cu/" + name + ".cu")
		if err != nil {
			panic(err) // not embedded: a slip of library
		}
		unit.Write(text)
	}
	seen := map[string]bool{}
	for _, s := range sources {
		if !seen[s] {
			unit.WriteString(s)
			seen[s] = true
		}
	}
	return unit.String()
}

// lowering is an instruction on the way to launches.
type lowering struct {
	p   *engine.Plan
	in  engine.Instr
	out Lowered
}

// param is what a function of the library is given: C++ text in which %s stands for arguments of the launch.
type param struct {
	form string
	args []Arg
}

func pass(a Arg) param                   { return param{"%s", []Arg{a}} }
func as(form string, args ...Arg) param  { return param{form, args} }
func text(format string, a ...any) param { return param{form: fmt.Sprintf(format, a...)} }

// launch appends a call of a function of the library, for instance "sum_rows<4, 32>". Types of pointers follow from the
// arguments.
func (l *lowering) launch(function string, grid, block Extent, params ...param) {
	var declared, given []string
	var args []Arg
	for _, p := range params {
		var names []any
		for _, a := range p.args {
			name := fmt.Sprintf("a%d", len(args))
			names, args = append(names, name), append(args, a)
			declared = append(declared, a.cType(l.p)+" "+name)
		}
		given = append(given, fmt.Sprintf(p.form, names...))
	}
	signature := fmt.Sprintf("(%s) {\n  %s(%s);\n}\n", strings.Join(declared, ", "), function, strings.Join(given, ", "))
	base, _, _ := strings.Cut(function, "<")
	threads := block[0] * block[1] * block[2]
	name := fmt.Sprintf("%s_%s", base, digest(fmt.Sprint(threads, signature, function)))
	l.source(fmt.Sprintf("extern \"C\" __global__ void __launch_bounds__(%d) %s%s", threads, name, signature))
	l.out.Calls = append(l.out.Calls, Call{Kernel: name, Grid: grid, Block: block, Args: args})
}

// operand is the address of an operand; a null pointer where the instruction has none of that number.
func (l *lowering) operand(i int) param {
	if i >= len(l.in.In) {
		return null
	}
	return pass(Address(l.in.In[i]))
}

// result is the address of a result, likewise.
func (l *lowering) result(i int) param {
	if i >= len(l.in.Out) {
		return null
	}
	return pass(Address(l.in.Out[i]))
}

// optional is the address of a value, a null pointer where it is absent.
func optional(id engine.ID) param {
	if id < 0 {
		return null
	}
	return pass(Address(id))
}

var null = text("(float*)0")

// define writes a struct with a generated call operator and returns its name.
func (l *lowering) define(operator string) string {
	name := "f_" + digest(operator)
	l.source(fmt.Sprintf("struct %s {\n%s};\n", name, operator))
	return name
}

func (l *lowering) source(text string) { l.out.Source = append(l.out.Source, text) }

// scratch asks for a buffer of n floats.
func (l *lowering) scratch(n int) Scratch {
	l.out.Scratch = append(l.out.Scratch, 4*n)
	return Scratch(len(l.out.Scratch) - 1)
}

// digest names a text.
func digest(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:12] }

// storage is the element type of a value.
func storage(p *engine.Plan, id engine.ID) string { return cTypes[p.Values[id].Type] }

// cTypes are the storage types in C++.
var cTypes = [...]string{engine.Float32: "float", engine.BFloat16: "bf16"}

// widest is how many elements of the narrowest storage type are 16 bytes, the most that a thread moves at once.
func (l *lowering) widest(args ...Arg) int {
	v := 4
	for _, a := range args {
		if a.cType(l.p) == "bf16*" {
			v = 8
		}
	}
	return v
}

// vector is how many elements a thread moves at once where runs of n stand one after another.
func (l *lowering) vector(n int, args ...Arg) int {
	v := l.widest(args...)
	for n%v != 0 {
		v /= 2
	}
	return v
}

func (l *lowering) shape(id engine.ID) []int { return l.p.Values[id].Shape }
func (l *lowering) size(id engine.ID) int    { return l.p.Values[id].Size() }

// threads is the size of most blocks.
const threads = 256

func line(n int) Extent { return Extent{uint32(n), 1, 1} }

func ceilDiv(a, b int) int { return (a + b - 1) / b }
