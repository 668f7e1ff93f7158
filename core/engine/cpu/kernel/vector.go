package kernel

import (
	"fmt"
	"math"
)

// Op is an operation on two numbers.
type Op uint8

// The operations on a (an element of the tensor) and b (an element of the other operand, or a constant).
const (
	Add     Op = iota // a + b
	Sub               // a - b
	Mul               // a * b
	Div               // a / b
	Max               // the greater of a and b; a where a is NaN
	Min               // the lesser of a and b; a where a is NaN
	SubFrom           // b - a
	DivInto           // b / a
)

// Func is a function of one number.
type Func uint8

// The functions. Exp, Log, Tanh and Sigmoid are computed in float64 and rounded.
const (
	Square     Func = iota // a²
	Sqrt                   // √a
	Reciprocal             // 1/a
	Abs                    // |a|
	Neg                    // -a
	ReLU                   // a where a is positive or NaN, else 0
	Exp                    // eᵃ
	Log                    // the natural logarithm
	Tanh                   // the hyperbolic tangent
	Sigmoid                // 1/(1+e⁻ᵃ)
	Rsqrt                  // 1/√a
)

// apply computes one element; the vector kernels do the same on many.
func (op Op) apply(a, b float32) float32 {
	switch op {
	case Add:
		return a + b
	case Sub:
		return a - b
	case Mul:
		return a * b
	case Div:
		return a / b
	case Max:
		if a < b {
			return b
		}
		return a
	case Min:
		if a > b {
			return b
		}
		return a
	case SubFrom:
		return b - a
	case DivInto:
		return b / a
	}
	panic(fmt.Sprintf("kernel: no operation %d", op))
}

// Binary sets dst[i] = a[i] op b[i] for all of dst.
func (i ISA) Binary(op Op, dst, a, b []float32) {
	n := len(dst)
	a, b = a[:n], b[:n]
	if n == 0 || i.binary(op, dst, a, b) {
		return
	}
	for k := range dst {
		dst[k] = op.apply(a[k], b[k])
	}
}

// Scalar sets dst[i] = a[i] op c for all of dst.
func (i ISA) Scalar(op Op, dst, a []float32, c float32) {
	n := len(dst)
	a = a[:n]
	if n == 0 || i.scalar(op, dst, a, c) {
		return
	}
	for k := range dst {
		dst[k] = op.apply(a[k], c)
	}
}

// BinaryRows sets dst[i, j] = a[i, j] op row[j] for dst and a of whole rows of length len(row).
func (i ISA) BinaryRows(op Op, dst, a, row []float32) {
	n := len(dst)
	a = a[:n]
	if n == 0 || i.binaryRows(op, dst, a, row) {
		return
	}
	d := len(row)
	for k := 0; k+d <= n; k += d {
		for j, b := range row {
			dst[k+j] = op.apply(a[k+j], b)
		}
	}
}

// Unary sets dst[i] = f(a[i]) for all of dst.
func (i ISA) Unary(f Func, dst, a []float32) {
	n := len(dst)
	a = a[:n]
	if n == 0 {
		return
	}
	switch f {
	case Reciprocal:
		i.Scalar(DivInto, dst, a, 1)
	case Neg:
		i.Scalar(Mul, dst, a, -1)
	case ReLU:
		i.Scalar(Max, dst, a, 0)
	case Rsqrt:
		i.Unary(Sqrt, dst, a)
		i.Scalar(DivInto, dst, dst, 1)
	case Square, Sqrt, Abs:
		if !i.unary(f, dst, a) {
			mapFloats(dst, a, f.plain())
		}
	default:
		mapFloats(dst, a, f.plain())
	}
}

func mapFloats(dst, a []float32, f func(float32) float32) {
	for k, x := range a {
		dst[k] = f(x)
	}
}

func (f Func) plain() func(float32) float32 {
	switch f {
	case Square:
		return func(x float32) float32 { return x * x }
	case Sqrt:
		return func(x float32) float32 { return float32(math.Sqrt(float64(x))) }
	case Abs:
		return func(x float32) float32 { return float32(math.Abs(float64(x))) }
	case Exp:
		return func(x float32) float32 { return float32(math.Exp(float64(x))) }
	case Log:
		return func(x float32) float32 { return float32(math.Log(float64(x))) }
	case Tanh:
		return func(x float32) float32 { return float32(math.Tanh(float64(x))) }
	case Sigmoid:
		return func(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }
	}
	panic(fmt.Sprintf("kernel: no function %d", f))
}

// Affine sets dst[i] = a*x[i] + b for all of dst.
func (i ISA) Affine(dst, x []float32, a, b float32) {
	x = x[:len(dst)]
	if len(dst) == 0 || i.affine(dst, x, a, b) {
		return
	}
	for k, v := range x {
		dst[k] = v*a + b
	}
}

// Axpy adds a*x[i] to dst[i], for all of dst.
func (i ISA) Axpy(dst []float32, a float32, x []float32) {
	x = x[:len(dst)]
	if len(dst) == 0 || i.axpy(dst, a, x) {
		return
	}
	for k, v := range x {
		dst[k] += a * v
	}
}

// MulAdd sets dst[i] = a[i]*b[i] + c[i] for all of dst.
func (i ISA) MulAdd(dst, a, b, c []float32) {
	n := len(dst)
	a, b, c = a[:n], b[:n], c[:n]
	if n == 0 || i.mulAdd(dst, a, b, c) {
		return
	}
	for k := range dst {
		dst[k] = a[k]*b[k] + c[k]
	}
}

// ReLUGrad sets dst[i] = g[i] where y[i] > 0, else 0, for all of dst.
func (i ISA) ReLUGrad(dst, g, y []float32) {
	n := len(dst)
	g, y = g[:n], y[:n]
	if n == 0 || i.reluGrad(dst, g, y) {
		return
	}
	for k, v := range g {
		if y[k] > 0 {
			dst[k] = v
		} else {
			dst[k] = 0
		}
	}
}
