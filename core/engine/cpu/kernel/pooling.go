package kernel

import (
	"fmt"
	"math"
)

// MaxPool takes the maximum of each channel over windows of Size x Size pixels, Stride apart, in N images of H x W pixels
// and C channels with a border of Pad pixels that never win:
//
//	y[n, p, q, c] = max_{r, s < Size} x[n, p*Stride+r-Pad, q*Stride+s-Pad, c]
//
// Pad is at most half of Size, so that no window is all border. What a window with a NaN gives is not specified.
type MaxPool struct {
	N, H, W, C        int
	Size, Stride, Pad int
}

// OutSize returns the height and the width of the output: (H+2*Pad-Size)/Stride + 1, rounded down, and likewise.
func (m MaxPool) OutSize() (p, q int) {
	return (m.H+2*m.Pad-m.Size)/m.Stride + 1, (m.W+2*m.Pad-m.Size)/m.Stride + 1
}

func (m MaxPool) check(x, y []float32) {
	p, q := m.OutSize()
	if min(m.H, m.W, m.C, m.Size, m.Stride, p, q) < 1 || min(m.N, m.Pad) < 0 || 2*m.Pad > m.Size {
		panic(fmt.Sprintf("kernel: no such pooling: %+v", m))
	}
	if len(x) < m.N*m.H*m.W*m.C || len(y) < m.N*p*q*m.C {
		panic(fmt.Sprintf("kernel: pooling %+v: x and y have %d and %d entries", m, len(x), len(y)))
	}
}

// Forward computes y.
func (m MaxPool) Forward(p *Pool, x, y []float32) {
	m.check(x, y)
	oh, ow := m.OutSize()
	p.Run(m.N*oh, func(_, task int) {
		n, i := task/oh, task%oh
		for j := range ow {
			out := y[(task*ow+j)*m.C:][:m.C]
			for k := range out {
				out[k] = float32(math.Inf(-1))
			}
			m.window(i, j, func(h, w int) {
				p.isa.Binary(Max, out, x[((n*m.H+h)*m.W+w)*m.C:], out)
			})
		}
	})
}

// window calls f for each pixel of the image that window (i, j) covers, row by row.
func (m MaxPool) window(i, j int, f func(h, w int)) {
	h0, w0 := i*m.Stride-m.Pad, j*m.Stride-m.Pad
	for h := max(0, h0); h < min(m.H, h0+m.Size); h++ {
		for w := max(0, w0); w < min(m.W, w0+m.Size); w++ {
			f(h, w)
		}
	}
}

// Backward computes dx, the gradient of x, from dy, the gradient of y. Each window's gradient goes to its first maximum, row
// by row, as in PyTorch. The maxima are found again from x.
func (m MaxPool) Backward(p *Pool, x, dy, dx []float32) {
	m.check(x, dy)
	oh, ow := m.OutSize()
	image := m.H * m.W * m.C
	p.Run(m.N, func(worker, n int) {
		from, to := x[n*image:(n+1)*image], dx[n*image:(n+1)*image]
		clear(to)
		top, left := p.Scratch(worker, m.C), p.Scratch(worker, m.C)
		for i := range oh {
			for j := range ow {
				for k := range top {
					top[k] = float32(math.Inf(-1))
				}
				copy(left, dy[((n*oh+i)*ow+j)*m.C:])
				m.window(i, j, func(h, w int) { p.isa.Binary(Max, top, from[(h*m.W+w)*m.C:], top) })
				m.window(i, j, func(h, w int) {
					at := (h*m.W + w) * m.C
					p.isa.maxPoolGrad(left, to[at:at+m.C], from[at:at+m.C], top)
				})
			}
		}
	})
}

// maxPoolGrad moves the gradient that is left to dx where x is the window's maximum y.
func (i ISA) maxPoolGrad(left, dx, x, y []float32) {
	if i.maxPoolGradFast(left, dx, x, y) {
		return
	}
	for k := range dx {
		if x[k] == y[k] {
			dx[k] += left[k]
			left[k] = 0
		}
	}
}

// AvgPool averages each channel over windows that tile N images of H x W pixels and C channels into OutH x OutW outputs, as
// PyTorch's adaptive pooling: output i of OutH covers rows ⌊i*H/OutH⌋ to ⌈(i+1)*H/OutH⌉.
type AvgPool struct {
	N, H, W, C int
	OutH, OutW int
}

func (a AvgPool) check(x, y []float32) {
	if min(a.H, a.W, a.C, a.OutH, a.OutW) < 1 || a.N < 0 {
		panic(fmt.Sprintf("kernel: no such pooling: %+v", a))
	}
	if len(x) < a.N*a.H*a.W*a.C || len(y) < a.N*a.OutH*a.OutW*a.C {
		panic(fmt.Sprintf("kernel: pooling %+v: x and y have %d and %d entries", a, len(x), len(y)))
	}
}

// adaptive returns the inputs that output i of count covers on an axis of the given size.
func adaptive(size, count, i int) (lo, hi int) { return i * size / count, parts((i+1)*size, count) }

// Forward computes y, [N, OutH, OutW, C], from x.
func (a AvgPool) Forward(p *Pool, x, y []float32) {
	a.check(x, y)
	p.Run(a.N, func(worker, n int) {
		row := p.Scratch(worker, a.C)
		for i := range a.OutH {
			h0, h1 := adaptive(a.H, a.OutH, i)
			for j := range a.OutW {
				w0, w1 := adaptive(a.W, a.OutW, j)
				out := y[((n*a.OutH+i)*a.OutW+j)*a.C:][:a.C]
				clear(out)
				for h := h0; h < h1; h++ {
					p.isa.colSums(row, x[((n*a.H+h)*a.W+w0)*a.C:], w1-w0, a.C)
					p.isa.Binary(Add, out, out, row)
				}
				p.isa.Scalar(Mul, out, out, 1/float32((h1-h0)*(w1-w0)))
			}
		}
	})
}

// Backward computes dx, the gradient of x, from dy, the gradient of y.
func (a AvgPool) Backward(p *Pool, dy, dx []float32) {
	a.check(dx, dy)
	image := a.H * a.W * a.C
	p.Run(a.N, func(_, n int) {
		to := dx[n*image : (n+1)*image]
		clear(to)
		for i := range a.OutH {
			h0, h1 := adaptive(a.H, a.OutH, i)
			for j := range a.OutW {
				w0, w1 := adaptive(a.W, a.OutW, j)
				share := 1 / float32((h1-h0)*(w1-w0))
				from := dy[((n*a.OutH+i)*a.OutW+j)*a.C:]
				for h := h0; h < h1; h++ {
					for w := w0; w < w1; w++ {
						at := (h*a.W + w) * a.C
						p.isa.Axpy(to[at:at+a.C], share, from)
					}
				}
			}
		}
	})
}
