package expr

import (
	"fmt"
	"slices"
)

func shaping() map[Kind]definition {
	return map[Kind]definition{
		Broadcast: {arity: 1, shape: broadcastShape,
			grad: func(o *Op, in []Tensor, _, g Tensor) []Tensor {
				return []Tensor{g.sumTo(in[0].Shape())}
			},
			do: func(o *Op, out []float32, in [][]float32) {
				strides := broadcastStrides(o.In[0], o.Out)
				walk(o.Out, strides, func(i, j int) { out[i] = in[0][j] })
			}},
		Reshape: {arity: 1,
			shape: func(a Attrs, in []Shape) (Shape, error) {
				out := Shape(a.Shape).Clone()
				if err := positive(out); err != nil {
					return nil, err
				}
				if size(out) != size(in[0]) {
					return nil, fmt.Errorf("%v has %d elements, %v has %d", in[0], size(in[0]), out, size(out))
				}
				return out, nil
			},
			grad: func(_ *Op, in []Tensor, _, g Tensor) []Tensor { return []Tensor{g.Reshape(in[0].Shape()...)} },
			do:   func(_ *Op, out []float32, in [][]float32) { copy(out, in[0]) }},
		Transpose: {arity: 1,
			shape: func(_ Attrs, in []Shape) (Shape, error) {
				if len(in[0]) != 2 {
					return nil, fmt.Errorf("takes a matrix, got %v", in[0])
				}
				return Shape{in[0][1], in[0][0]}, nil
			},
			grad: func(_ *Op, _ []Tensor, _, g Tensor) []Tensor { return []Tensor{g.Transpose()} },
			do: func(o *Op, out []float32, in [][]float32) {
				rows, cols := o.In[0][0], o.In[0][1]
				for i := range rows {
					for j := range cols {
						out[j*rows+i] = in[0][i*cols+j]
					}
				}
			}},
		Slice: {arity: 1, shape: sliceShape,
			grad: func(o *Op, in []Tensor, _, g Tensor) []Tensor {
				return []Tensor{g.b.Apply(Embed, Attrs{Axis: o.Attrs.Axis, Start: o.Attrs.Start, Shape: in[0].Shape()}, g)}
			},
			do: func(o *Op, out []float32, in [][]float32) {
				eachSlab(o.In[0], o.Out, o.Attrs.Axis, o.Attrs.Start, func(whole, part, n int) {
					copy(out[part:part+n], in[0][whole:whole+n])
				})
			}},
		Embed: {arity: 1, shape: embedShape,
			grad: func(o *Op, in []Tensor, _, g Tensor) []Tensor {
				start := o.Attrs.Start
				return []Tensor{g.Slice(o.Attrs.Axis, start, start+in[0].Shape()[o.Attrs.Axis])}
			},
			do: func(o *Op, out []float32, in [][]float32) {
				clear(out)
				eachSlab(o.Out, o.In[0], o.Attrs.Axis, o.Attrs.Start, func(whole, part, n int) {
					copy(out[whole:whole+n], in[0][part:part+n])
				})
			}},
		Concat: {arity: -1, shape: concatShape,
			grad: func(o *Op, in []Tensor, _, g Tensor) []Tensor {
				grads := make([]Tensor, len(in))
				at := 0
				for i, t := range in {
					n := t.Shape()[o.Attrs.Axis]
					grads[i] = g.Slice(o.Attrs.Axis, at, at+n)
					at += n
				}
				return grads
			},
			do: func(o *Op, out []float32, in [][]float32) {
				at := 0
				for i, s := range o.In {
					eachSlab(o.Out, s, o.Attrs.Axis, at, func(whole, part, n int) {
						copy(out[whole:whole+n], in[i][part:part+n])
					})
					at += s[o.Attrs.Axis]
				}
			}},
		Gather: {arity: 1,
			shape: func(a Attrs, in []Shape) (Shape, error) {
				if err := indexRows(a.Index, in[0]); err != nil {
					return nil, err
				}
				return Shape{len(a.Index), in[0][1]}, nil
			},
			grad: func(o *Op, in []Tensor, _, g Tensor) []Tensor {
				return []Tensor{g.b.Apply(ScatterAdd, Attrs{Index: o.Attrs.Index, Shape: in[0].Shape()}, g)}
			},
			do: func(o *Op, out []float32, in [][]float32) {
				d := o.Out[1]
				for i, row := range o.Attrs.Index {
					copy(out[i*d:(i+1)*d], in[0][row*d:])
				}
			}},
		ScatterAdd: {arity: 1,
			shape: func(a Attrs, in []Shape) (Shape, error) {
				if len(in[0]) != 2 || len(a.Shape) != 2 || in[0][0] != len(a.Index) || in[0][1] != a.Shape[1] {
					return nil, fmt.Errorf("cannot scatter %v by %d indices into %v", in[0], len(a.Index), a.Shape)
				}
				return Shape(a.Shape).Clone(), indexRows(a.Index, a.Shape)
			},
			grad: func(o *Op, _ []Tensor, _, g Tensor) []Tensor { return []Tensor{g.Gather(o.Attrs.Index...)} },
			do: func(o *Op, out []float32, in [][]float32) {
				d := o.Out[1]
				accumulate(out, func(total []float64) {
					for i, row := range o.Attrs.Index {
						for j := range d {
							total[row*d+j] += float64(in[0][i*d+j])
						}
					}
				})
			}},
	}
}

func broadcastShape(a Attrs, in []Shape) (Shape, error) {
	from, to := in[0], Shape(a.Shape)
	if err := positive(to); err != nil {
		return nil, err
	}
	if len(from) > len(to) {
		return nil, fmt.Errorf("cannot broadcast %v to %v", from, to)
	}
	for i := 1; i <= len(from); i++ {
		if d := from[len(from)-i]; d != 1 && d != to[len(to)-i] {
			return nil, fmt.Errorf("cannot broadcast %v to %v", from, to)
		}
	}
	return to.Clone(), nil
}

func sliceShape(a Attrs, in []Shape) (Shape, error) {
	if a.Axis < 0 || a.Axis >= len(in[0]) {
		return nil, fmt.Errorf("%v has no axis %d", in[0], a.Axis)
	}
	if a.Start < 0 || a.Stop <= a.Start || a.Stop > in[0][a.Axis] {
		return nil, fmt.Errorf("[%d, %d) is not within axis %d of %v", a.Start, a.Stop, a.Axis, in[0])
	}
	out := in[0].Clone()
	out[a.Axis] = a.Stop - a.Start
	return out, nil
}

func embedShape(a Attrs, in []Shape) (Shape, error) {
	out := Shape(a.Shape).Clone()
	if err := positive(out); err != nil {
		return nil, err
	}
	if len(out) != len(in[0]) || a.Axis < 0 || a.Axis >= len(out) || a.Start < 0 || a.Start > out[a.Axis]-in[0][a.Axis] {
		return nil, fmt.Errorf("cannot embed %v at %d of axis %d of %v", in[0], a.Start, a.Axis, out)
	}
	for i := range out {
		if i != a.Axis && out[i] != in[0][i] {
			return nil, fmt.Errorf("cannot embed %v in %v along axis %d", in[0], out, a.Axis)
		}
	}
	return out, nil
}

func concatShape(a Attrs, in []Shape) (Shape, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("needs an operand")
	}
	if a.Axis < 0 || a.Axis >= len(in[0]) {
		return nil, fmt.Errorf("%v has no axis %d", in[0], a.Axis)
	}
	out := in[0].Clone()
	for _, s := range in[1:] {
		rest, first := slices.Clone(s), slices.Clone(in[0])
		if len(s) == len(in[0]) {
			rest[a.Axis], first[a.Axis] = 0, 0
		}
		if !slices.Equal(rest, first) {
			return nil, fmt.Errorf("shapes %v and %v differ outside axis %d", in[0], s, a.Axis)
		}
		out[a.Axis] += s[a.Axis]
	}
	return out, nil
}

func indexRows(index []int, s Shape) error {
	if len(s) != 2 || len(index) == 0 {
		return fmt.Errorf("takes a matrix and at least one index, got %v and %d", s, len(index))
	}
	for _, i := range index {
		if i < 0 || i >= s[0] {
			return fmt.Errorf("row %d is not within %v", i, s)
		}
	}
	return nil
}

// maxElements bounds a tensor, so that a hostile program cannot overflow or exhaust memory: 16 GiB of float32.
const maxElements = 1 << 32

func positive(s Shape) error {
	n := 1
	for _, d := range s {
		if d < 1 || d > maxElements/n {
			return fmt.Errorf("%v is not a shape of at least 1 an axis and at most 2^32 elements", s)
		}
		n *= d
	}
	return nil
}

// alike says whether two shapes are the same. Shape.Eq will not do: it takes [n], [n, 1] and [1, n] for one another.
func alike(a, b Shape) bool { return slices.Equal(a, b) }

// size is the number of elements; TotalSize of a scalar shape is 1 too.
func size(s Shape) int {
	n := 1
	for _, d := range s {
		n *= d
	}
	return n
}

// broadcastStrides are the strides with which from is read while walking to; 0 along a repeated axis.
func broadcastStrides(from, to Shape) []int {
	strides := make([]int, len(to))
	stride := 1
	for i := 1; i <= len(from); i++ {
		if d := from[len(from)-i]; d != 1 {
			strides[len(to)-i] = stride
			stride *= d
		}
	}
	return strides
}

// walk visits every element of a shape in order: i is its index, j its offset under the given strides.
func walk(s Shape, strides []int, visit func(i, j int)) {
	index := make([]int, len(s))
	j := 0
	for i := range size(s) {
		visit(i, j)
		for axis := len(s) - 1; axis >= 0; axis-- {
			index[axis]++
			j += strides[axis]
			if index[axis] < s[axis] {
				break
			}
			j -= index[axis] * strides[axis]
			index[axis] = 0
		}
	}
}

// eachSlab visits the contiguous runs that part occupies within whole, starting at start of an axis.
func eachSlab(whole, part Shape, axis, start int, visit func(whole, part, n int)) {
	inner := size(whole[axis+1:])
	outer := size(whole[:axis])
	run := part[axis] * inner
	for i := range outer {
		visit((i*whole[axis]+start)*inner, i*run, run)
	}
}
