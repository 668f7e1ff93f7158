package kernels

import (
	"fmt"

	"github.com/sslctl/sslctl/core/engine"
)

// enoughBlocks is the number of blocks that a reduction is cut into at most: it keeps the largest GPU busy, and a second
// stage of as many numbers costs little.
const enoughBlocks = 1024

// summand is what is summed: a value, or the result of a chain, which is not stored.
type summand struct {
	chain *engine.Chain // nil: a value
	f     param
	x     []param
	from  []Arg // the addresses in x
}

// identity is the function of what is summed as it is.
var identity = text("identity()")

func value(a Arg) summand { return summand{f: identity, x: []param{as("full(%s)", a)}, from: []Arg{a}} }

func (l *lowering) sum() error {
	l.sumAxes(value(Address(l.in.In[0])))
	return nil
}

// sumChain sums the result of a chain.
func (l *lowering) sumChain(c *engine.Chain) error {
	operator, err := function(c)
	if err != nil {
		return err
	}
	s := summand{chain: c, f: text("%s()", l.define(operator)), x: operands(c)}
	for _, p := range s.x {
		s.from = append(s.from, p.args...)
	}
	l.sumAxes(s)
	return nil
}

// summable reports whether a sum can take the elements of a chain as it computes them: where operands of the chain repeat, the
// sum must run along its rows or down its columns.
func summable(p *engine.Plan, sum engine.Instr, c *engine.Chain) bool {
	steps := stages(p.Values[sum.In[0]].Shape, sum.Attrs.Axes)
	if len(steps) == 0 {
		return false
	}
	first := steps[0]
	return flat(c) || first.inner == c.Cols || first.inner == 1 && (first.n == c.Cols || first.outer == 1)
}

// sumAxes reduces a run of axes at a time.
func (l *lowering) sumAxes(s summand) {
	y := Address(l.in.Out[0])
	steps := stages(l.shape(l.in.In[0]), l.in.Attrs.Axes)
	for i, step := range steps {
		to := Arg(y)
		if i < len(steps)-1 {
			to = l.scratch(step.outer * step.inner)
		}
		l.reduce(to, s, step)
		s = value(to)
	}
}

// stage sums the middle axis of [outer, n, inner].
type stage struct{ outer, n, inner int }

// stages are the reductions of a sum over axes, of which those that are neighbours count as one.
func stages(shape []int, axes []int) []stage {
	var steps []stage
	outer := 1
	runs := alternate(shape, axes)
	for i, r := range runs {
		if !r.summed {
			outer *= r.n
			continue
		}
		inner := 1
		for _, after := range runs[i+1:] {
			inner *= after.n
		}
		steps = append(steps, stage{outer, r.n, inner})
	}
	return steps
}

// run is a run of neighbouring axes that are all summed or all kept.
type run struct {
	n      int
	summed bool
}

// alternate joins neighbouring axes; axes of length 1 belong to either.
func alternate(shape []int, axes []int) []run {
	summed := make([]bool, len(shape))
	for _, axis := range axes {
		summed[axis] = true
	}
	var runs []run
	for axis, n := range shape {
		switch last := len(runs) - 1; {
		case n == 1:
		case last >= 0 && runs[last].summed == summed[axis]:
			runs[last].n *= n
		default:
			runs = append(runs, run{n, summed[axis]})
		}
	}
	return runs
}

// reduce sums the middle axis of [outer, n, inner].
func (l *lowering) reduce(to Arg, s summand, step stage) {
	switch {
	case step.inner > 1:
		l.reduceCols(to, s, step.outer, step.n, step.inner)
	case s.chain != nil && !flat(s.chain) && step.n != s.chain.Cols:
		rows := l.scratch(s.chain.Rows)
		l.reduceRows(rows, s, s.chain.Rows, s.chain.Cols)
		l.reduceRows(to, value(rows), 1, s.chain.Rows)
	default:
		l.reduceRows(to, s, step.outer, step.n)
	}
}

// reduceRows sums the rows of a matrix [rows, cols], in two stages where rows are few and long.
func (l *lowering) reduceRows(to Arg, s summand, rows, cols int) {
	v := l.vector(cols, s.from...)
	team := 32
	for team < threads && team*v*2 <= cols {
		team *= 2
	}
	step := team * v
	chunks := max(1, min(enoughBlocks/rows, cols/(8*step)))
	chunk := ceilDiv(ceilDiv(cols, chunks), step) * step
	chunks = ceilDiv(cols, chunk)
	y := to
	if chunks > 1 {
		y = l.scratch(rows * chunks)
	}
	params := []param{s.f, pass(y), pass(Int64(rows)), pass(Int64(cols)), pass(Int64(chunk))}
	l.launch(fmt.Sprintf("sum_rows<%d, %d>", v, team), Extent{uint32(ceilDiv(rows, threads/team)), uint32(chunks), 1},
		Extent{uint32(team), uint32(threads / team), 1}, append(params, s.x...)...)
	if chunks > 1 {
		l.reduceRows(to, value(y), rows, chunks)
	}
}

// reduceCols sums the columns of outer matrices [rows, cols], in two stages where rows are many.
func (l *lowering) reduceCols(to Arg, s summand, outer, rows, cols int) {
	v := l.vector(cols, s.from...)
	wide := 8
	for wide < 32 && wide*v < cols {
		wide *= 2
	}
	across, high := ceilDiv(cols, wide*v), threads/wide
	chunks := max(1, min(enoughBlocks/(across*outer), rows/(8*high)))
	chunk := ceilDiv(rows, chunks)
	chunks = ceilDiv(rows, chunk)
	y := to
	if chunks > 1 {
		y = l.scratch(outer * chunks * cols)
	}
	params := []param{s.f, pass(y), pass(Int64(rows)), pass(Int64(cols)), pass(Int64(chunk))}
	l.launch(fmt.Sprintf("sum_cols<%d>", v), Extent{uint32(across * outer), uint32(chunks), 1},
		Extent{uint32(wide), uint32(high), 1}, append(params, s.x...)...)
	if chunks > 1 {
		l.reduceCols(to, value(y), outer, chunks, cols)
	}
}
