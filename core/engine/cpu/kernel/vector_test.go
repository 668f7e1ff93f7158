package kernel

import (
	"fmt"
	"math"
	"testing"
)

var vectorLengths = []int{0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 130, 1000, 16384, 40001}

func TestBinary(t *testing.T) {
	truth := map[Op]func(a, b float64) float64{
		Add: func(a, b float64) float64 { return a + b }, Sub: func(a, b float64) float64 { return a - b },
		Mul: func(a, b float64) float64 { return a * b }, Div: func(a, b float64) float64 { return a / b },
		Max: math.Max, Min: math.Min,
		SubFrom: func(a, b float64) float64 { return b - a }, DivInto: func(a, b float64) float64 { return b / a },
	}
	r := newRand(4)
	for _, n := range vectorLengths {
		a, b := random(r, n), random(r, n)
		for op := Add; op <= DivInto; op++ {
			want, wantScalar := make([]float64, n), make([]float64, n)
			for i := range want {
				want[i] = truth[op](float64(a[i]), float64(b[i]))
				wantScalar[i] = truth[op](float64(a[i]), 0.75)
			}
			onAll(t, fmt.Sprintf("op %d of %d", op, n), want, 1e-6, func(p *Pool) []float32 {
				dst := poison(n)
				p.Binary(op, dst, a, b)
				return dst
			})
			onAll(t, fmt.Sprintf("op %d of %d and a constant, in place", op, n), wantScalar, 1e-6, func(p *Pool) []float32 {
				dst := append([]float32(nil), a...)
				p.Scalar(op, dst, dst, 0.75)
				return dst
			})
		}
	}
}

func TestMaxKeepsNaN(t *testing.T) {
	nan := float32(math.NaN())
	for _, isa := range ISAs() {
		for _, n := range []int{1, 16, 70} {
			a, dst := make([]float32, n), make([]float32, n)
			for i := range a {
				a[i] = nan
			}
			isa.Unary(ReLU, dst, a)
			for i, v := range dst {
				if v == v {
					t.Fatalf("%v: ReLU of NaN is %v at %d", isa, v, i)
				}
			}
		}
	}
}

func TestUnary(t *testing.T) {
	truth := map[Func]func(float64) float64{
		Square: func(a float64) float64 { return a * a }, Sqrt: math.Sqrt, Reciprocal: func(a float64) float64 { return 1 / a },
		Abs: math.Abs, Neg: func(a float64) float64 { return -a }, ReLU: func(a float64) float64 { return math.Max(a, 0) },
		Exp: math.Exp, Log: math.Log, Tanh: math.Tanh, Sigmoid: func(a float64) float64 { return 1 / (1 + math.Exp(-a)) },
		Rsqrt: func(a float64) float64 { return 1 / math.Sqrt(a) },
	}
	r := newRand(5)
	for _, n := range vectorLengths {
		x := random(r, n)
		for f := Square; f <= Rsqrt; f++ {
			a := append([]float32(nil), x...)
			want := make([]float64, n)
			for i := range want {
				if f == Sqrt || f == Log || f == Rsqrt {
					a[i] = float32(math.Abs(float64(a[i])))
				}
				want[i] = truth[f](float64(a[i]))
			}
			onAll(t, fmt.Sprintf("function %d of %d", f, n), want, 1e-6, func(p *Pool) []float32 {
				dst := poison(n)
				p.Unary(f, dst, a)
				return dst
			})
		}
	}
}

func TestCombined(t *testing.T) {
	r := newRand(6)
	for _, n := range vectorLengths {
		a, b, c := random(r, n), random(r, n), random(r, n)
		affine, axpy, mulAdd, grad := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range n {
			x, y, z := float64(a[i]), float64(b[i]), float64(c[i])
			affine[i], axpy[i], mulAdd[i] = x*1.5-0.25, y-2*x, x*y+z
			if y > 0 {
				grad[i] = x
			}
		}
		out := func(f func(p *Pool, dst []float32)) func(p *Pool) []float32 {
			return func(p *Pool) []float32 {
				dst := poison(n)
				f(p, dst)
				return dst
			}
		}
		onAll(t, fmt.Sprint("affine of ", n), affine, 1e-6, out(func(p *Pool, dst []float32) { p.Affine(dst, a, 1.5, -0.25) }))
		onAll(t, fmt.Sprint("axpy of ", n), axpy, 1e-6, out(func(p *Pool, dst []float32) { copy(dst, b); p.Axpy(dst, -2, a) }))
		onAll(t, fmt.Sprint("mulAdd of ", n), mulAdd, 1e-6, out(func(p *Pool, dst []float32) { p.MulAdd(dst, a, b, c) }))
		onAll(t, fmt.Sprint("reluGrad of ", n), grad, 0, out(func(p *Pool, dst []float32) { p.ReLUGrad(dst, a, b) }))
	}
}

func TestReductions(t *testing.T) {
	r := newRand(7)
	for _, n := range vectorLengths {
		a, b := random(r, n), random(r, n)
		want := make([]float64, 4)
		for i := range a {
			x, y := float64(a[i])+10, float64(b[i])
			a[i] = float32(x)
			x = float64(a[i])
			want[0] += x
			want[1] += x * x
			want[2] += x * y
			want[3] += (x - y) * (x - y)
		}
		onAll(t, fmt.Sprint("sums of ", n), want, 2e-6, func(p *Pool) []float32 {
			return []float32{float32(p.Sum(a)), float32(p.SumSquares(a)), float32(p.Dot(a, b)), float32(p.SumSquaredDiff(a, b))}
		})
	}
}

func TestBroadcastAndSums(t *testing.T) {
	r := newRand(8)
	for _, size := range [][2]int{{1, 1}, {3, 5}, {5, 16}, {129, 7}, {2, 65}, {300, 64}, {1000, 33}, {17, 300}, {1, 1030}} {
		n, d := size[0], size[1]
		x, row, col := random(r, n*d), random(r, d), random(r, n)
		byRow, byCol := make([]float64, n*d), make([]float64, n*d)
		colSums, rowSums, turned := make([]float64, d), make([]float64, n), make([]float64, n*d)
		for i := range n {
			for j := range d {
				v := float64(x[i*d+j])
				byRow[i*d+j] = float64(row[j]) - v
				byCol[i*d+j] = v * float64(col[i])
				colSums[j] += v
				rowSums[i] += v
				turned[j*n+i] = v
			}
		}
		onAll(t, fmt.Sprint("row of ", size), byRow, 1e-6, func(p *Pool) []float32 {
			dst := poison(n * d)
			p.RowOp(SubFrom, dst, x, row, n, d)
			return dst
		})
		onAll(t, fmt.Sprint("column of ", size), byCol, 1e-6, func(p *Pool) []float32 {
			dst := poison(n * d)
			p.ColOp(Mul, dst, x, col, n, d)
			return dst
		})
		onAll(t, fmt.Sprint("column sums of ", size), colSums, 2e-6, func(p *Pool) []float32 {
			dst := poison(d)
			p.ColSums(dst, x, n, d)
			return dst
		})
		onAll(t, fmt.Sprint("row sums of ", size), rowSums, 2e-6, func(p *Pool) []float32 {
			dst := poison(n)
			p.RowSums(dst, x, n, d)
			return dst
		})
		onAll(t, fmt.Sprint("transpose of ", size), turned, 0, func(p *Pool) []float32 {
			dst := poison(n * d)
			Transpose(p, dst, x, n, d)
			return dst
		})
	}
}
