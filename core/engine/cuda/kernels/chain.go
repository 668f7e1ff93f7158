package kernels

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/sdk/expr"
)

// maxBlocks bounds grids of which threads take several elements: some full loads of the largest GPU.
const maxBlocks = 4096

// formulas are the elementwise ops, of registers a and b. Comparisons let NaN through as the references do.
var formulas = map[expr.Kind]string{
	expr.Add: "{a} + {b}", expr.Sub: "{a} - {b}", expr.Mul: "{a} * {b}", expr.Div: "{a} / {b}",
	expr.ReLUGrad: "{b} > 0 ? {a} : 0", expr.AbsGrad: "{b} > 0 ? {a} : {b} < 0 ? -{a} : 0",
	expr.Affine: "{alpha} * {a} + {beta}", expr.Square: "{a} * {a}", expr.Sqrt: "sqrtf({a})", expr.Exp: "expf({a})",
	expr.Log: "logf({a})", expr.Abs: "fabsf({a})", expr.Reciprocal: "1 / {a}", expr.ReLU: "{a} <= 0 ? 0 : {a}",
}

// function writes a chain as C++: the call operator of a struct, of the chain's operands.
func function(c *engine.Chain) (string, error) {
	var params []string
	for i := range c.Inputs {
		params = append(params, "float "+register(i))
	}
	var body strings.Builder
	for i, op := range c.Ops {
		formula, ok := formulas[op.Kind]
		if !ok {
			return "", fmt.Errorf("no formula for %s in a chain", op.Kind)
		}
		formula = strings.NewReplacer("{a}", register(op.A), "{b}", register(op.B),
			"{alpha}", literal(op.Alpha), "{beta}", literal(op.Beta)).Replace(formula)
		fmt.Fprintf(&body, "    float %s = %s;\n", register(len(c.Inputs)+i), formula)
	}
	result := register(len(c.Inputs) + len(c.Ops) - 1)
	return fmt.Sprintf("  __device__ float operator()(%s) const {\n%s    return %s;\n  }\n", strings.Join(params, ", "), body.String(), result), nil
}

func register(i int) string { return fmt.Sprintf("r%d", i) }

// literal is a number as C++ text of a float.
func literal(x float64) string {
	switch {
	case math.IsNaN(x):
		return "(0 / 0.0f)"
	case math.IsInf(x, 0) || math.Abs(x) > math.MaxFloat32:
		return fmt.Sprintf("(%c1 / 0.0f)", map[bool]byte{true: '-', false: '+'}[x < 0])
	}
	s := strconv.FormatFloat(x, 'e', 9, 32)
	return s + "f"
}

var repeats = [...]string{engine.Full: "full(%s)", engine.Scalar: "scalar(%s)", engine.Row: "row(%s)", engine.Col: "col(%s)"}

// operands are a chain's inputs as the library's functions take them.
func operands(c *engine.Chain) []param {
	var params []param
	for _, input := range c.Inputs {
		params = append(params, as(repeats[input.Repeat], Address(input.Value)))
	}
	return params
}

// flat says whether no operand repeats along rows or columns, so that the result is one run of elements.
func flat(c *engine.Chain) bool {
	for _, input := range c.Inputs {
		if input.Repeat == engine.Row || input.Repeat == engine.Col {
			return false
		}
	}
	return true
}

// chain reads each full operand and writes the result once.
func (l *lowering) chain() error {
	c := l.in.Chain
	operator, err := function(c)
	if err != nil {
		return err
	}
	f := text("%s()", l.define(operator))
	y := Address(l.in.Out[0])
	if flat(c) {
		l.elementwise(f, y, l.size(l.in.Out[0]), operands(c)...)
		return nil
	}
	v := l.vector(c.Cols, l.addresses()...)
	grid, block := overRows(c.Rows, c.Cols, v)
	params := []param{f, pass(y), pass(Int64(c.Rows)), pass(Int64(c.Cols))}
	l.launch(fmt.Sprintf("chain_matrix<%d>", v), grid, block, append(params, operands(c)...)...)
	return nil
}

// elementwise computes n elements of to by a function of operands that are one run of elements too, or a scalar.
func (l *lowering) elementwise(f param, to Arg, n int, operands ...param) {
	args := []Arg{to}
	for _, x := range operands {
		args = append(args, x.args...)
	}
	v := l.widest(args...)
	params := []param{f, pass(to), pass(Int64(n))}
	l.launch(fmt.Sprintf("chain_flat<%d>", v), over(n, v), line(threads), append(params, operands...)...)
}

// over is the grid of blocks whose threads take v elements of n at a time.
func over(n, v int) Extent { return line(min(maxBlocks, ceilDiv(n, threads*v))) }

// addresses are those of the instruction's operands and results.
func (l *lowering) addresses() []Arg {
	var list []Arg
	for _, id := range append(slices.Clone(l.in.In), l.in.Out...) {
		list = append(list, Address(id))
	}
	return list
}

// overRows spreads a matrix over blocks of 256 threads, as wide as its rows need, each taking v columns.
func overRows(rows, cols, v int) (grid, block Extent) {
	wide := 1
	for wide < threads && wide*v < cols {
		wide *= 2
	}
	across := min(ceilDiv(cols, wide*v), maxBlocks)
	down := min(ceilDiv(rows, threads/wide), max(1, maxBlocks/across))
	return Extent{uint32(across), uint32(down), 1}, Extent{uint32(wide), uint32(threads / wide), 1}
}

func (l *lowering) constant() error {
	l.launch("constant", line(1), line(32), pass(Address(l.in.Out[0])), text("%s", literal(l.in.Attrs.Alpha)))
	return nil
}
