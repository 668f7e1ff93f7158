package expr

import (
	"fmt"
	"math"
)

func reductions() map[Kind]definition {
	return map[Kind]definition{
		Sum: {arity: 1, shape: sumShape,
			grad: func(o *Op, in []Tensor, _, g Tensor) []Tensor {
				return []Tensor{g.Reshape(kept(in[0].Shape(), o.Attrs.Axes)...).BroadcastTo(in[0].Shape()...)}
			},
			do: func(o *Op, out []float32, in [][]float32) {
				strides := broadcastStrides(kept(o.In[0], o.Attrs.Axes), o.In[0])
				accumulate(out, func(total []float64) {
					walk(o.In[0], strides, func(i, j int) { total[j] += float64(in[0][i]) })
				})
			}},
		MatMul: {arity: 2, shape: matmulShape, grad: matmulGrad, do: matmul},
		Diagonal: {arity: 1,
			shape: func(_ Attrs, in []Shape) (Shape, error) {
				if err := square(in[0]); err != nil {
					return nil, err
				}
				return Shape{in[0][0]}, nil
			},
			grad: func(_ *Op, _ []Tensor, _, g Tensor) []Tensor { return []Tensor{g.b.Apply(DiagEmbed, Attrs{}, g)} },
			do: func(o *Op, out []float32, in [][]float32) {
				for i := range out {
					out[i] = in[0][i*len(out)+i]
				}
			}},
		DiagEmbed: {arity: 1,
			shape: func(_ Attrs, in []Shape) (Shape, error) {
				if len(in[0]) != 1 {
					return nil, fmt.Errorf("takes a vector, got %v", in[0])
				}
				return Shape{in[0][0], in[0][0]}, nil
			},
			grad: func(_ *Op, _ []Tensor, _, g Tensor) []Tensor { return []Tensor{g.Diagonal()} },
			do: func(o *Op, out []float32, in [][]float32) {
				clear(out)
				for i, x := range in[0] {
					out[i*len(in[0])+i] = x
				}
			}},
		OffDiagonal: {arity: 1,
			shape: func(_ Attrs, in []Shape) (Shape, error) { return in[0].Clone(), square(in[0]) },
			grad:  func(_ *Op, _ []Tensor, _, g Tensor) []Tensor { return []Tensor{g.OffDiagonal()} },
			do: func(o *Op, out []float32, in [][]float32) {
				copy(out, in[0])
				for i := range o.Out[0] {
					out[i*o.Out[0]+i] = 0
				}
			}},
		Softmax: {arity: 1, shape: hasLastAxis,
			grad: func(_ *Op, _ []Tensor, out, g Tensor) []Tensor {
				last := len(out.Shape()) - 1
				return []Tensor{out.Mul(g.Sub(g.Mul(out).SumKeep(last)))}
			},
			do: func(o *Op, out []float32, in [][]float32) {
				eachRow(o.Out, func(lo, hi int) {
					top, total := logSumExp(in[0][lo:hi])
					for i := lo; i < hi; i++ {
						out[i] = float32(math.Exp(float64(in[0][i])-top) / total)
					}
				})
			}},
		LogSoftmax: {arity: 1, shape: hasLastAxis,
			grad: func(_ *Op, _ []Tensor, out, g Tensor) []Tensor {
				return []Tensor{g.Sub(out.Exp().Mul(g.SumKeep(len(out.Shape()) - 1)))}
			},
			do: func(o *Op, out []float32, in [][]float32) {
				eachRow(o.Out, func(lo, hi int) {
					top, total := logSumExp(in[0][lo:hi])
					for i := lo; i < hi; i++ {
						out[i] = float32(float64(in[0][i]) - top - math.Log(total))
					}
				})
			}},
	}
}

func sumShape(a Attrs, in []Shape) (Shape, error) {
	seen := make([]bool, len(in[0]))
	for _, axis := range a.Axes {
		if axis < 0 || axis >= len(seen) || seen[axis] {
			return nil, fmt.Errorf("axes %v are not distinct axes of %v", a.Axes, in[0])
		}
		seen[axis] = true
	}
	if a.Keep {
		return kept(in[0], a.Axes), nil
	}
	out := Shape{}
	for axis, d := range in[0] {
		if !seen[axis] {
			out = append(out, d)
		}
	}
	return out, nil
}

// kept is the shape with the given axes set to length 1.
func kept(s Shape, axes []int) Shape {
	out := s.Clone()
	for _, axis := range axes {
		out[axis] = 1
	}
	return out
}

func matmulShape(a Attrs, in []Shape) (Shape, error) {
	if len(in[0]) != 2 || len(in[1]) != 2 {
		return nil, fmt.Errorf("takes two matrices, got %v and %v", in[0], in[1])
	}
	m, k := oriented(in[0], a.TransA)
	k2, n := oriented(in[1], a.TransB)
	if k != k2 {
		return nil, fmt.Errorf("inner axes differ: %v (transposed: %t) and %v (transposed: %t)", in[0], a.TransA, in[1], a.TransB)
	}
	return Shape{m, n}, nil
}

func oriented(s Shape, transposed bool) (rows, cols int) {
	if transposed {
		return s[1], s[0]
	}
	return s[0], s[1]
}

func matmulGrad(o *Op, in []Tensor, _, g Tensor) []Tensor {
	a, b, ta, tb := in[0], in[1], o.Attrs.TransA, o.Attrs.TransB
	mul := func(a, b Tensor, ta, tb bool) Tensor { return g.b.Apply(MatMul, Attrs{TransA: ta, TransB: tb}, a, b) }
	da, db := mul(g, b, false, !tb), mul(a, g, !ta, false)
	if ta {
		da = mul(b, g, tb, true)
	}
	if tb {
		db = mul(g, a, true, ta)
	}
	return []Tensor{da, db}
}

func matmul(o *Op, out []float32, in [][]float32) {
	m, k := oriented(o.In[0], o.Attrs.TransA)
	n := o.Out[1]
	at := func(x []float32, s Shape, transposed bool, i, j int) float64 {
		if transposed {
			i, j = j, i
		}
		return float64(x[i*s[1]+j])
	}
	for i := range m {
		for j := range n {
			var sum float64
			for l := range k {
				sum += at(in[0], o.In[0], o.Attrs.TransA, i, l) * at(in[1], o.In[1], o.Attrs.TransB, l, j)
			}
			out[i*n+j] = float32(sum)
		}
	}
}

func square(s Shape) error {
	if len(s) != 2 || s[0] != s[1] {
		return fmt.Errorf("takes a square matrix, got %v", s)
	}
	return nil
}

func hasLastAxis(_ Attrs, in []Shape) (Shape, error) {
	if len(in[0]) == 0 {
		return nil, fmt.Errorf("takes at least one axis, got a scalar")
	}
	return in[0].Clone(), nil
}

func eachRow(s Shape, visit func(lo, hi int)) {
	d := s[len(s)-1]
	for lo := 0; lo < size(s); lo += d {
		visit(lo, lo+d)
	}
}

// logSumExp is the largest element and the sum of exponentials relative to it.
func logSumExp(x []float32) (top, total float64) {
	top = math.Inf(-1)
	for _, v := range x {
		top = max(top, float64(v))
	}
	for _, v := range x {
		total += math.Exp(float64(v) - top)
	}
	return top, total
}
