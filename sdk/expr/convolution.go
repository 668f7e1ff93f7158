package expr

import "fmt"

func convolutions() map[Kind]definition {
	return map[Kind]definition{
		Conv2D: {arity: 2, shape: convShape,
			grad: func(o *Op, in []Tensor, _, g Tensor) []Tensor {
				a := Attrs{Stride: o.Attrs.Stride, Pad: o.Attrs.Pad}
				dx, dw := a, a
				dx.Shape, dw.Shape = in[0].Shape(), in[1].Shape()
				return []Tensor{g.b.Apply(Conv2DGradX, dx, g, in[1]), g.b.Apply(Conv2DGradW, dw, in[0], g)}
			},
			do: func(o *Op, out []float32, in [][]float32) {
				k := o.In[1][3]
				accumulate(out, func(total []float64) {
					taps(o.In[0], o.In[1], o.Out, o.Attrs, func(x, w, y int) {
						for j := range k {
							total[y+j] += float64(in[0][x]) * float64(in[1][w+j])
						}
					})
				})
			}},
		Conv2DGradX: {arity: 2,
			shape: func(a Attrs, in []Shape) (Shape, error) {
				return adjointShape(a, Shape(a.Shape), in[1], in[0], Shape(a.Shape))
			},
			do: func(o *Op, out []float32, in [][]float32) {
				k := o.In[1][3]
				accumulate(out, func(total []float64) {
					taps(o.Out, o.In[1], o.In[0], o.Attrs, func(x, w, y int) {
						for j := range k {
							total[x] += float64(in[0][y+j]) * float64(in[1][w+j])
						}
					})
				})
			}},
		Conv2DGradW: {arity: 2,
			shape: func(a Attrs, in []Shape) (Shape, error) {
				return adjointShape(a, in[0], Shape(a.Shape), in[1], Shape(a.Shape))
			},
			do: func(o *Op, out []float32, in [][]float32) {
				k := o.Out[3]
				accumulate(out, func(total []float64) {
					taps(o.In[0], o.Out, o.In[1], o.Attrs, func(x, w, y int) {
						for j := range k {
							total[w+j] += float64(in[0][x]) * float64(in[1][y+j])
						}
					})
				})
			}},
	}
}

func convShape(a Attrs, in []Shape) (Shape, error) {
	x, w := in[0], in[1]
	if len(x) != 4 || len(w) != 4 {
		return nil, fmt.Errorf("takes images [n, h, w, c] and weights [r, s, c, k], got %v and %v", x, w)
	}
	if x[3] != w[2] {
		return nil, fmt.Errorf("images have %d channels, weights take %d", x[3], w[2])
	}
	h, err := extent(x[1], w[0], a.Stride, a.Pad)
	if err != nil {
		return nil, err
	}
	width, err := extent(x[2], w[1], a.Stride, a.Pad)
	if err != nil {
		return nil, err
	}
	return Shape{x[0], h, width, w[3]}, nil
}

// extent is the number of positions of a window along an axis.
func extent(n, window, stride, pad int) (int, error) {
	if window < 1 || stride < 1 || pad < 0 || pad >= window {
		return 0, fmt.Errorf("window %d, stride %d, padding %d: need window and stride of at least 1 and padding below the window", window, stride, pad)
	}
	if n+2*pad < window {
		return 0, fmt.Errorf("a window of %d is larger than %d with padding %d", window, n, pad)
	}
	return (n+2*pad-window)/stride + 1, nil
}

// adjointShape checks that x, w and y fit a convolution, and gives out.
func adjointShape(a Attrs, x, w, y, out Shape) (Shape, error) {
	if err := positive(out); err != nil {
		return nil, err
	}
	want, err := convShape(a, []Shape{x, w})
	if err != nil {
		return nil, err
	}
	if !alike(want, y) {
		return nil, fmt.Errorf("output gradient is %v, the convolution of %v and %v gives %v", y, x, w, want)
	}
	return out.Clone(), nil
}

// taps visits every product of a convolution: the offset of one input element, of its row of K weights and of its row of
// K outputs.
func taps(x, w, y Shape, a Attrs, visit func(x, w, y int)) {
	for n := range y[0] {
		for p := range y[1] {
			for q := range y[2] {
				out := ((n*y[1]+p)*y[2] + q) * y[3]
				for r := range w[0] {
					for s := range w[1] {
						i, j := p*a.Stride+r-a.Pad, q*a.Stride+s-a.Pad
						if i < 0 || j < 0 || i >= x[1] || j >= x[2] {
							continue
						}
						for c := range x[3] {
							visit(((n*x[1]+i)*x[2]+j)*x[3]+c, ((r*w[1]+s)*w[2]+c)*w[3], out)
						}
					}
				}
			}
		}
	}
}
