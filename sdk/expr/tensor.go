package expr

import "gorgonia.org/gorgonia"

// Tensor is an expression: a node of a builder's graph. Its methods add nodes; operands of different shapes broadcast by
// NumPy's rule. The zero Tensor is no expression.
type Tensor struct {
	node *gorgonia.Node
	b    *Builder
}

// Node is the Gorgonia node; nil after an error.
func (t Tensor) Node() *gorgonia.Node { return t.node }

// Builder is the builder that the tensor belongs to.
func (t Tensor) Builder() *Builder { return t.b }

// Shape is the length of each axis; empty for a scalar and after an error.
func (t Tensor) Shape() Shape {
	if t.node == nil {
		return Shape{}
	}
	return t.node.Shape()
}

// Dim is the length of an axis; 1 after an error.
func (t Tensor) Dim(axis int) int {
	if s := t.Shape(); axis >= 0 && axis < len(s) {
		return s[axis]
	}
	if t.b != nil {
		t.b.fail("%v has no axis %d", t.Shape(), axis)
	}
	return 1
}

// Add is t + u.
func (t Tensor) Add(u Tensor) Tensor { return t.pair(Add, u) }

// Sub is t - u.
func (t Tensor) Sub(u Tensor) Tensor { return t.pair(Sub, u) }

// Mul is the elementwise product.
func (t Tensor) Mul(u Tensor) Tensor { return t.pair(Mul, u) }

// Div is the elementwise quotient.
func (t Tensor) Div(u Tensor) Tensor { return t.pair(Div, u) }

func (t Tensor) pair(kind Kind, u Tensor) Tensor {
	if t.node == nil || u.node == nil {
		return t.b.Apply(kind, Attrs{}, t, u)
	}
	shape := common(t.Shape(), u.Shape())
	return t.b.Apply(kind, Attrs{}, t.BroadcastTo(shape...), u.BroadcastTo(shape...))
}

// common is the shape to which both broadcast; where there is none the broadcast reports it.
func common(a, b Shape) Shape {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := a.Clone()
	for i := 1; i <= len(b); i++ {
		out[len(out)-i] = max(out[len(out)-i], b[len(b)-i])
	}
	return out
}

func (t Tensor) apply(kind Kind, a Attrs) Tensor { return t.b.Apply(kind, a, t) }

// Scale is alpha*t.
func (t Tensor) Scale(alpha float64) Tensor { return t.apply(Affine, Attrs{Alpha: alpha}) }

// Shift is t + beta.
func (t Tensor) Shift(beta float64) Tensor { return t.apply(Affine, Attrs{Alpha: 1, Beta: beta}) }

// Affine is alpha*t + beta.
func (t Tensor) Affine(alpha, beta float64) Tensor {
	return t.apply(Affine, Attrs{Alpha: alpha, Beta: beta})
}

// Square is t*t.
func (t Tensor) Square() Tensor { return t.apply(Square, Attrs{}) }

// Sqrt is the square root; its gradient at 0 is infinite, so add an epsilon inside.
func (t Tensor) Sqrt() Tensor { return t.apply(Sqrt, Attrs{}) }

// Exp is e^t.
func (t Tensor) Exp() Tensor { return t.apply(Exp, Attrs{}) }

// Log is the natural logarithm.
func (t Tensor) Log() Tensor { return t.apply(Log, Attrs{}) }

// Abs is |t|, with gradient 0 at 0.
func (t Tensor) Abs() Tensor { return t.apply(Abs, Attrs{}) }

// Reciprocal is 1/t.
func (t Tensor) Reciprocal() Tensor { return t.apply(Reciprocal, Attrs{}) }

// ReLU is max(t, 0), with gradient 0 at 0.
func (t Tensor) ReLU() Tensor { return t.apply(ReLU, Attrs{}) }

// BroadcastTo repeats t to a shape by NumPy's rule; t itself where it has that shape.
func (t Tensor) BroadcastTo(shape ...int) Tensor {
	if t.node != nil && alike(t.Shape(), shape) {
		return t
	}
	return t.apply(Broadcast, Attrs{Shape: shape})
}

// Reshape gives t another shape of the same size, in row-major order; t itself where it has that shape. No axis makes
// a tensor of one element a scalar.
func (t Tensor) Reshape(shape ...int) Tensor {
	if t.node != nil && alike(t.Shape(), shape) {
		return t
	}
	return t.apply(Reshape, Attrs{Shape: shape})
}

// Transpose is the transpose of a matrix.
func (t Tensor) Transpose() Tensor { return t.apply(Transpose, Attrs{}) }

// Slice is [start, stop) of an axis.
func (t Tensor) Slice(axis, start, stop int) Tensor {
	return t.apply(Slice, Attrs{Axis: axis, Start: start, Stop: stop})
}

// Gather takes rows of a matrix by index; an index may repeat.
func (t Tensor) Gather(index ...int) Tensor { return t.apply(Gather, Attrs{Index: index}) }

// Join joins tensors along an axis.
func Join(axis int, parts ...Tensor) Tensor {
	return parts[0].b.Apply(Concat, Attrs{Axis: axis}, parts...)
}

// StopGradient is t, through which no gradient flows.
func (t Tensor) StopGradient() Tensor { return t.apply(StopGradient, Attrs{}) }

// Sum adds over axes, which it removes; without axes over all, to a scalar.
func (t Tensor) Sum(axes ...int) Tensor { return t.apply(Sum, Attrs{Axes: t.axes(axes)}) }

// SumKeep adds over axes, which it keeps with length 1.
func (t Tensor) SumKeep(axes ...int) Tensor {
	return t.apply(Sum, Attrs{Axes: t.axes(axes), Keep: true})
}

// Mean is the mean over axes, which it removes; without axes over all, a scalar.
func (t Tensor) Mean(axes ...int) Tensor { return t.Sum(axes...).Scale(1 / float64(t.count(axes))) }

// MeanKeep is the mean over axes, which it keeps with length 1.
func (t Tensor) MeanKeep(axes ...int) Tensor {
	return t.SumKeep(axes...).Scale(1 / float64(t.count(axes)))
}

func (t Tensor) axes(axes []int) []int {
	if len(axes) > 0 {
		return axes
	}
	all := make([]int, len(t.Shape()))
	for i := range all {
		all[i] = i
	}
	return all
}

func (t Tensor) count(axes []int) int {
	n := 1
	for _, axis := range t.axes(axes) {
		n *= t.Dim(axis)
	}
	return n
}

// Var is the variance over the first axis: the sum of squared deviations over n - correction.
func (t Tensor) Var(correction int) Tensor {
	n := t.Dim(0)
	if n <= correction {
		return t.b.fail("variance of %d rows with correction %d", n, correction)
	}
	return t.Sub(t.MeanKeep(0)).Square().Sum(0).Scale(1 / float64(n-correction))
}

// MatMul is the matrix product t*u.
func (t Tensor) MatMul(u Tensor) Tensor { return t.b.Apply(MatMul, Attrs{}, t, u) }

// MatMulT is t*u', the product with the transpose: a linear layer with weights [out, in].
func (t Tensor) MatMulT(u Tensor) Tensor { return t.b.Apply(MatMul, Attrs{TransB: true}, t, u) }

// TMatMul is t'*u: sums over rows, such as a covariance.
func (t Tensor) TMatMul(u Tensor) Tensor { return t.b.Apply(MatMul, Attrs{TransA: true}, t, u) }

// Diagonal is the diagonal of a square matrix, a vector.
func (t Tensor) Diagonal() Tensor { return t.apply(Diagonal, Attrs{}) }

// OffDiagonal is a square matrix with its diagonal set to 0.
func (t Tensor) OffDiagonal() Tensor { return t.apply(OffDiagonal, Attrs{}) }

// Softmax normalises exponentials along the last axis.
func (t Tensor) Softmax() Tensor { return t.apply(Softmax, Attrs{}) }

// LogSoftmax is the logarithm of Softmax, computed without overflow.
func (t Tensor) LogSoftmax() Tensor { return t.apply(LogSoftmax, Attrs{}) }

// normEps keeps the norm of a zero row away from 0, small enough not to show elsewhere in float32.
const normEps = 1e-16

// L2Normalise divides each row of a matrix by its Euclidean norm; a zero row stays zero.
func (t Tensor) L2Normalise() Tensor { return t.Div(t.Square().SumKeep(1).Shift(normEps).Sqrt()) }

// Cosine is the cosine similarity of corresponding rows of two matrices, a vector.
func (t Tensor) Cosine(u Tensor) Tensor { return t.L2Normalise().Mul(u.L2Normalise()).Sum(1) }

// MSE is the mean of squared differences over all elements, a scalar.
func (t Tensor) MSE(u Tensor) Tensor { return t.Sub(u).Square().Mean() }

// Conv2D convolves images [n, h, w, c] with weights [r, s, c, k].
func (t Tensor) Conv2D(w Tensor, stride, pad int) Tensor {
	return t.b.Apply(Conv2D, Attrs{Stride: stride, Pad: pad}, t, w)
}

// MaxPool takes the largest value of each window.
func (t Tensor) MaxPool(kernel, stride, pad int) Tensor {
	return t.apply(MaxPool, Attrs{Kernel: kernel, Stride: stride, Pad: pad})
}

// AvgPool averages images to [h, w], adaptively as PyTorch does.
func (t Tensor) AvgPool(h, w int) Tensor { return t.apply(AvgPool, Attrs{Shape: []int{h, w}}) }

// sumTo adds over the axes along which a tensor of the given shape was broadcast to t's.
func (t Tensor) sumTo(shape Shape) Tensor {
	var axes []int
	lead := len(t.Shape()) - len(shape)
	for axis, d := range t.Shape() {
		if axis < lead || (shape[axis-lead] == 1 && d != 1) {
			axes = append(axes, axis)
		}
	}
	if len(axes) == 0 {
		return t.Reshape(shape...)
	}
	return t.Sum(axes...).Reshape(shape...)
}
