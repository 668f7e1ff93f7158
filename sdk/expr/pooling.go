package expr

import (
	"fmt"
	"math"
)

func pooling() map[Kind]definition {
	return map[Kind]definition{
		MaxPool: {arity: 1, shape: maxPoolShape,
			grad: func(o *Op, in []Tensor, _, g Tensor) []Tensor {
				return []Tensor{g.b.Apply(MaxPoolGrad, o.Attrs, g, in[0])}
			},
			do: func(o *Op, out []float32, in [][]float32) {
				eachWindow(o.In[0], o.Out, o.Attrs, in[0], func(y, best int) { out[y] = in[0][best] })
			}},
		MaxPoolGrad: {arity: 2,
			shape: func(a Attrs, in []Shape) (Shape, error) {
				want, err := maxPoolShape(a, in[1:])
				if err == nil && !alike(want, in[0]) {
					err = fmt.Errorf("gradient is %v, the pooling of %v gives %v", in[0], in[1], want)
				}
				return in[1].Clone(), err
			},
			do: func(o *Op, out []float32, in [][]float32) {
				accumulate(out, func(total []float64) {
					eachWindow(o.In[1], o.In[0], o.Attrs, in[1], func(y, best int) { total[best] += float64(in[0][y]) })
				})
			}},
		AvgPool: {arity: 1,
			shape: func(a Attrs, in []Shape) (Shape, error) {
				x := in[0]
				if len(x) != 4 || len(a.Shape) != 2 || a.Shape[0] < 1 || a.Shape[1] < 1 || a.Shape[0] > x[1] || a.Shape[1] > x[2] {
					return nil, fmt.Errorf("cannot average %v to %v", x, a.Shape)
				}
				return Shape{x[0], a.Shape[0], a.Shape[1], x[3]}, nil
			},
			grad: func(_ *Op, in []Tensor, _, g Tensor) []Tensor {
				return []Tensor{g.b.Apply(AvgPoolGrad, Attrs{Shape: in[0].Shape()[1:3]}, g)}
			},
			do: func(o *Op, out []float32, in [][]float32) {
				accumulate(out, func(total []float64) {
					eachCell(o.In[0], o.Out, func(y, x int, share float64) { total[y] += share * float64(in[0][x]) })
				})
			}},
		AvgPoolGrad: {arity: 1,
			shape: func(a Attrs, in []Shape) (Shape, error) {
				y := in[0]
				if len(y) != 4 || len(a.Shape) != 2 || a.Shape[0] < y[1] || a.Shape[1] < y[2] {
					return nil, fmt.Errorf("cannot spread %v over %v", y, a.Shape)
				}
				out := Shape{y[0], a.Shape[0], a.Shape[1], y[3]}
				return out, positive(out)
			},
			do: func(o *Op, out []float32, in [][]float32) {
				accumulate(out, func(total []float64) {
					eachCell(o.Out, o.In[0], func(y, x int, share float64) { total[x] += share * float64(in[0][y]) })
				})
			}},
	}
}

func maxPoolShape(a Attrs, in []Shape) (Shape, error) {
	x := in[0]
	if len(x) != 4 {
		return nil, fmt.Errorf("takes images [n, h, w, c], got %v", x)
	}
	h, err := extent(x[1], a.Kernel, a.Stride, a.Pad)
	if err != nil {
		return nil, err
	}
	w, err := extent(x[2], a.Kernel, a.Stride, a.Pad)
	return Shape{x[0], h, w, x[3]}, err
}

// eachWindow visits each output of max pooling with the offset of its largest input, the first among equals as in PyTorch.
func eachWindow(x, y Shape, a Attrs, in []float32, visit func(y, best int)) {
	out := 0
	for n := range y[0] {
		for p := range y[1] {
			for q := range y[2] {
				for c := range y[3] {
					best, top := -1, float32(math.Inf(-1))
					for i := max(0, p*a.Stride-a.Pad); i < min(x[1], p*a.Stride-a.Pad+a.Kernel); i++ {
						for j := max(0, q*a.Stride-a.Pad); j < min(x[2], q*a.Stride-a.Pad+a.Kernel); j++ {
							at := ((n*x[1]+i)*x[2]+j)*x[3] + c
							if best < 0 || in[at] > top {
								best, top = at, in[at]
							}
						}
					}
					visit(out, best)
					out++
				}
			}
		}
	}
}

// eachCell visits every pair of an output of adaptive average pooling and an input in its window [floor(p*h/oh),
// ceil((p+1)*h/oh)), with the share 1/area.
func eachCell(x, y Shape, visit func(y, x int, share float64)) {
	for n := range y[0] {
		for p := range y[1] {
			top, bottom := p*x[1]/y[1], ((p+1)*x[1]+y[1]-1)/y[1]
			for q := range y[2] {
				left, right := q*x[2]/y[2], ((q+1)*x[2]+y[2]-1)/y[2]
				share := 1 / float64((bottom-top)*(right-left))
				for i := top; i < bottom; i++ {
					for j := left; j < right; j++ {
						for c := range y[3] {
							visit(((n*y[1]+p)*y[2]+q)*y[3]+c, ((n*x[1]+i)*x[2]+j)*x[3]+c, share)
						}
					}
				}
			}
		}
	}
}
