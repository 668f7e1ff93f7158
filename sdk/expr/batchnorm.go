package expr

import (
	"fmt"
	"math"
)

// Batch norm is split so that every node has one output: statistics (without gradient), and their application, which owns
// the whole gradient, including the one through the statistics.
func batchNorm() map[Kind]definition {
	return map[Kind]definition{
		BNStats: {arity: 1,
			shape: func(a Attrs, in []Shape) (Shape, error) {
				if err := grouped(a, in[0]); err != nil {
					return nil, err
				}
				return Shape{a.Groups, 2, channels(in[0])}, nil
			},
			do: func(o *Op, out []float32, in [][]float32) {
				n := rowsOf(o)
				mean, variance := moments(o, in[0])
				for i := range mean {
					group, c := i/channels(o.In[0]), i%channels(o.In[0])
					out[stat(o, group, 0, c)] = float32(mean[i])
					out[stat(o, group, 1, c)] = float32(variance[i] / n)
				}
			}},
		BNApply: {arity: 2, optional: 2, wrt: []bool{true, false, true, true},
			shape: func(a Attrs, in []Shape) (Shape, error) {
				if err := normalised(a, in[0], in[1], in[2:]); err != nil {
					return nil, err
				}
				return in[0].Clone(), nil
			},
			grad: bnApplyGrad,
			do: func(o *Op, out []float32, in [][]float32) {
				x, stats := in[0], in[1]
				eachElement(o, func(i, group, c int) {
					y := xhat(o, x, stats, i, group, c)
					if len(in) == 4 {
						y = y*float64(in[2][c]) + float64(in[3][c])
					}
					out[i] = float32(y)
				})
			}},
		BNReduce: {arity: 3,
			shape: func(a Attrs, in []Shape) (Shape, error) {
				if !alike(in[0], in[1]) {
					return nil, fmt.Errorf("gradient %v and input %v differ", in[0], in[1])
				}
				return in[2].Clone(), normalised(a, in[1], in[2], nil)
			},
			do: func(o *Op, out []float32, in [][]float32) {
				g, x, stats := in[0], in[1], in[2]
				accumulate(out, func(total []float64) {
					eachElement(o, func(i, group, c int) {
						total[stat(o, group, 0, c)] += float64(g[i]) * xhat(o, x, stats, i, group, c)
						total[stat(o, group, 1, c)] += float64(g[i])
					})
				})
			}},
		BNGrad: {arity: 4, optional: 1,
			shape: func(a Attrs, in []Shape) (Shape, error) {
				if !alike(in[0], in[1]) || !alike(in[2], in[3]) {
					return nil, fmt.Errorf("gradient %v and input %v, or statistics %v and sums %v, differ", in[0], in[1], in[2], in[3])
				}
				return in[0].Clone(), normalised(a, in[1], in[2], in[4:])
			},
			do: func(o *Op, out []float32, in [][]float32) {
				g, x, stats, sums := in[0], in[1], in[2], in[3]
				n := rowsOf(o)
				eachElement(o, func(i, group, c int) {
					invstd := 1 / math.Sqrt(float64(stats[stat(o, group, 1, c)])+o.Attrs.Eps)
					d := float64(g[i]) - float64(sums[stat(o, group, 1, c)])/n -
						xhat(o, x, stats, i, group, c)*float64(sums[stat(o, group, 0, c)])/n
					if len(in) == 5 {
						d *= float64(in[4][c])
					}
					out[i] = float32(d * invstd)
				})
			}},
	}
}

// bnApplyGrad: with xhat = (x - mean)/sqrt(var + eps) over n rows of a group, and g the gradient of gamma*xhat + beta,
// dgamma = sum g*xhat, dbeta = sum g, dx = gamma/sqrt(var+eps) * (g - dbeta/n - xhat*dgamma/n).
func bnApplyGrad(o *Op, in []Tensor, _, g Tensor) []Tensor {
	a := o.Attrs
	x, stats := in[0], in[1]
	sums := g.b.Apply(BNReduce, a, g, x, stats)
	if len(in) == 2 {
		return []Tensor{g.b.Apply(BNGrad, a, g, x, stats, sums), {}}
	}
	perChannel := func(row int) Tensor { return sums.Slice(1, row, row+1).Sum(0, 1) }
	return []Tensor{g.b.Apply(BNGrad, a, g, x, stats, sums, in[2]), {}, perChannel(0), perChannel(1)}
}

func channels(s Shape) int { return s[len(s)-1] }

func grouped(a Attrs, x Shape) error {
	if len(x) < 2 || a.Groups < 1 || x[0]%a.Groups != 0 {
		return fmt.Errorf("cannot split the batch of %v into %d groups", x, a.Groups)
	}
	return nil
}

func normalised(a Attrs, x, stats Shape, scale []Shape) error {
	if err := grouped(a, x); err != nil {
		return err
	}
	if !(a.Eps > 0) {
		return fmt.Errorf("eps must be positive, got %g", a.Eps)
	}
	if !alike(stats, Shape{a.Groups, 2, channels(x)}) {
		return fmt.Errorf("statistics are %v, want [%d 2 %d]", stats, a.Groups, channels(x))
	}
	for _, s := range scale {
		if !alike(s, Shape{channels(x)}) {
			return fmt.Errorf("scale and shift must be [%d], got %v", channels(x), s)
		}
	}
	return nil
}

// rowsOf is the number of elements of a channel in a group.
func rowsOf(o *Op) float64 {
	x := o.In[0]
	return float64(size(x) / channels(x) / o.Attrs.Groups)
}

func stat(o *Op, group, row, c int) int { return (group*2+row)*channels(o.In[0]) + c }

func xhat(o *Op, x, stats []float32, i, group, c int) float64 {
	return (float64(x[i]) - float64(stats[stat(o, group, 0, c)])) / math.Sqrt(float64(stats[stat(o, group, 1, c)])+o.Attrs.Eps)
}

func eachElement(o *Op, visit func(i, group, c int)) {
	x := o.In[0]
	perGroup := size(x) / o.Attrs.Groups
	for i := range size(x) {
		visit(i, i/perGroup, i%channels(x))
	}
}

// moments are the mean and the sum of squared deviations of each channel of each group.
func moments(o *Op, x []float32) (mean, squares []float64) {
	c := channels(o.In[0])
	mean, squares = make([]float64, o.Attrs.Groups*c), make([]float64, o.Attrs.Groups*c)
	n := rowsOf(o)
	eachElement(o, func(i, group, ch int) { mean[group*c+ch] += float64(x[i]) })
	for i := range mean {
		mean[i] /= n
	}
	eachElement(o, func(i, group, ch int) {
		d := float64(x[i]) - mean[group*c+ch]
		squares[group*c+ch] += d * d
	})
	return mean, squares
}
