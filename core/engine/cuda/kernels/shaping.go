package kernels

import (
	"fmt"
	"strings"
)

func (l *lowering) transpose() error {
	s := l.shape(l.in.In[0])
	l.launch("transpose", line(ceilDiv(s[0], 32)*ceilDiv(s[1], 32)), Extent{32, 8, 1}, l.result(0), l.operand(0), pass(Int32(s[0])), pass(Int32(s[1])))
	return nil
}

// broadcast generates where each element comes from: only what no chain has absorbed gets here.
func (l *lowering) broadcast() error {
	y := l.in.Out[0]
	f := l.define("  __device__ long long operator()(long long i) const {\n" + repeated(l.shape(l.in.In[0]), l.shape(y)) + "  }\n")
	n := l.size(y)
	l.launch("spread", over(n, 1), line(threads), text("%s()", f), l.result(0), l.operand(0), pass(Int64(n)))
	return nil
}

// repeated is the body of a function from the index of an element of shape to to that of the element of shape from that it
// repeats.
func repeated(from, to []int) string {
	var body strings.Builder
	body.WriteString("    long long from = 0;\n")
	stride := 1
	for i := 1; i <= len(to) && i <= len(from); i++ {
		n := to[len(to)-i]
		if d := from[len(from)-i]; d != 1 {
			fmt.Fprintf(&body, "    from += i %% %d * %d;\n", n, stride)
			stride *= d
		}
		fmt.Fprintf(&body, "    i /= %d;\n", n)
	}
	body.WriteString("    return from;\n")
	return body.String()
}

// runs sees an axis of a whole and of a part of it as the columns of matrices: the part's rows of n elements stand at start in
// the whole's rows.
func runs(whole, part []int, axis, start int) (rows, n, width, at int) {
	rows, inner := 1, 1
	for _, d := range whole[:axis] {
		rows *= d
	}
	for _, d := range whole[axis+1:] {
		inner *= d
	}
	return rows, part[axis] * inner, whole[axis] * inner, start * inner
}

func (l *lowering) slice() error {
	x, y := l.in.In[0], l.in.Out[0]
	rows, n, width, at := runs(l.shape(x), l.shape(y), l.in.Attrs.Axis, l.in.Attrs.Start)
	l.move("slice", l.result(0), l.operand(0), n, rows, n, width, at)
	return nil
}

func (l *lowering) embed() error {
	rows, n, width, at := runs(l.shape(l.in.Out[0]), l.shape(l.in.In[0]), l.in.Attrs.Axis, l.in.Attrs.Start)
	l.move("embed", l.result(0), l.operand(0), width, rows, n, width, at)
	return nil
}

func (l *lowering) concat() error {
	start := 0
	for i, x := range l.in.In {
		rows, n, width, at := runs(l.shape(l.in.Out[0]), l.shape(x), l.in.Attrs.Axis, start)
		l.move("join", l.result(0), l.operand(i), n, rows, n, width, at)
		start += l.shape(x)[l.in.Attrs.Axis]
	}
	return nil
}

// move launches a function that moves runs of n elements between rows, over a matrix [rows, cols].
func (l *lowering) move(function string, to, from param, cols, rows, n, width, at int) {
	v := l.vector(gcd(n, gcd(width, at)), append(to.args, from.args...)...)
	grid, block := overRows(rows, cols, v)
	l.launch(fmt.Sprintf("%s<%d>", function, v), grid, block, to, from, pass(Int64(rows)), pass(Int64(n)), pass(Int64(width)), pass(Int64(at)))
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func (l *lowering) gather() error {
	s := l.shape(l.in.Out[0])
	v := l.vector(s[1], l.addresses()...)
	grid, block := overRows(s[0], s[1], v)
	l.launch(fmt.Sprintf("gather<%d>", v), grid, block, l.result(0), l.operand(0), l.table(l.in.Attrs.Index), pass(Int32(s[0])), pass(Int32(s[1])))
	return nil
}

// scatterAdd sorts the rows of x by where they go, stably, so that each row of the result adds its own in their order.
func (l *lowering) scatterAdd() error {
	s := l.shape(l.in.Out[0])
	first, from := make([]int, 1, s[0]+1), []int{}
	for row := range s[0] {
		for i, to := range l.in.Attrs.Index {
			if to == row {
				from = append(from, i)
			}
		}
		first = append(first, len(from))
	}
	v := l.vector(s[1], l.addresses()...)
	grid, block := overRows(s[0], s[1], v)
	l.launch(fmt.Sprintf("scatter_add<%d>", v), grid, block, l.result(0), l.operand(0), l.table(first), l.table(from), pass(Int32(s[0])), pass(Int32(s[1])))
	return nil
}

// table writes indices into the source as an array.
func (l *lowering) table(index []int) param {
	list := strings.Trim(strings.ReplaceAll(fmt.Sprint(index), " ", ", "), "[]")
	name := "index_" + digest(list)
	l.source(fmt.Sprintf("__device__ const int %s[] = {%s};\n", name, list))
	return text("%s", name)
}

func (l *lowering) diagonal() error {
	n := l.shape(l.in.Out[0])[0]
	l.launch("diagonal", line(ceilDiv(n, threads)), line(threads), l.result(0), l.operand(0), pass(Int32(n)))
	return nil
}

func (l *lowering) diagEmbed() error   { return l.overSquare("diag_embed") }
func (l *lowering) offDiagonal() error { return l.overSquare("off_diagonal") }

func (l *lowering) overSquare(function string) error {
	n := l.shape(l.in.Out[0])[0]
	grid, block := overRows(n, n, 1)
	l.launch(function, grid, block, l.result(0), l.operand(0), pass(Int32(n)))
	return nil
}
