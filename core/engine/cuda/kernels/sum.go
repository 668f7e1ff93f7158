package kernels

import "fmt"

// enoughBlocks is the number of blocks that a reduction is cut into at most: it keeps the largest GPU busy, and a second
// stage of as many numbers costs little.
const enoughBlocks = 1024

// sum reduces an axis at a time where summed and kept axes alternate more than once; neighbours count as one axis.
func (l *lowering) sum() error {
	x := l.in.In[0]
	runs := alternate(l.shape(x), l.in.Attrs.Axes)
	from, last := Arg(Address(x)), -1
	for i, r := range runs {
		if r.summed {
			last = i
		}
	}
	if last < 0 { // over no axis, or over axes of length 1
		l.copy(Address(l.in.Out[0]), Address(x), l.size(x))
		return nil
	}
	for i, r := range runs {
		if !r.summed {
			continue
		}
		outer, inner := 1, 1
		for _, before := range runs[:i] {
			if !before.summed {
				outer *= before.n
			}
		}
		for _, after := range runs[i+1:] {
			inner *= after.n
		}
		to := Arg(Address(l.in.Out[0]))
		if i != last {
			to = l.scratch(outer * inner)
		}
		l.reduce(to, from, outer, r.n, inner)
		from = to
	}
	return nil
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

// copy copies n elements, from one storage type to another where they differ.
func (l *lowering) copy(to, from Arg, n int) {
	v := l.widest(to, from)
	l.launch(fmt.Sprintf("chain_flat<%d>", v), line(min(maxBlocks, ceilDiv(n, threads*v))), line(threads), identity, pass(to),
		pass(Int64(n)), as("full(%s)", from))
}

// identity is the function of a sum that is not fused with the chain before it.
var identity = text("identity()")

// reduce sums the middle axis of [outer, n, inner].
func (l *lowering) reduce(to, from Arg, outer, n, inner int) {
	if inner == 1 {
		l.reduceRows(to, identity, outer, n, l.vector(n, from), as("full(%s)", from))
		return
	}
	l.reduceCols(to, identity, outer, n, inner, l.vector(inner, from), as("full(%s)", from))
}

// reduceRows sums the rows of f(x...)[rows, cols], in two stages where rows are few and long.
func (l *lowering) reduceRows(to Arg, f param, rows, cols, v int, x ...param) {
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
	params := []param{f, pass(y), pass(Int64(rows)), pass(Int64(cols)), pass(Int64(chunk))}
	l.launch(fmt.Sprintf("sum_rows<%d, %d>", v, team), Extent{uint32(ceilDiv(rows, threads/team)), uint32(chunks), 1},
		Extent{uint32(team), uint32(threads / team), 1}, append(params, x...)...)
	if chunks > 1 {
		l.reduce(to, y, rows, chunks, 1)
	}
}

// reduceCols sums the columns of outer matrices f(x...)[rows, cols], in two stages where rows are many.
func (l *lowering) reduceCols(to Arg, f param, outer, rows, cols, v int, x ...param) {
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
	params := []param{f, pass(y), pass(Int64(rows)), pass(Int64(cols)), pass(Int64(chunk))}
	l.launch(fmt.Sprintf("sum_cols<%d>", v), Extent{uint32(across * outer), uint32(chunks), 1},
		Extent{uint32(wide), uint32(high), 1}, append(params, x...)...)
	if chunks > 1 {
		l.reduce(to, y, outer, chunks, cols)
	}
}
