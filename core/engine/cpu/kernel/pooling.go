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

func (m MaxPool) check(x, y Array) {
	p, q := m.OutSize()
	if min(m.H, m.W, m.C, m.Size, m.Stride, p, q) < 1 || min(m.N, m.Pad) < 0 || 2*m.Pad > m.Size {
		panic(fmt.Sprintf("kernel: no such pooling: %+v", m))
	}
	if x.Len() < m.N*m.H*m.W*m.C || y.Len() < m.N*p*q*m.C {
		panic(fmt.Sprintf("kernel: pooling %+v: x and y have %d and %d entries", m, x.Len(), y.Len()))
	}
}

// Forward computes y.
func (m MaxPool) Forward(p *Pool, x, y []float32) { m.ForwardOf(p, Floats(x), Floats(y)) }

// ForwardOf is Forward for images in either storage.
func (m MaxPool) ForwardOf(p *Pool, x, y Array) {
	m.check(x, y)
	oh, ow := m.OutSize()
	p.Run(m.N*oh, func(worker, task int) {
		n, i := task/oh, task%oh
		h0, h1 := max(0, i*m.Stride-m.Pad), min(m.H, i*m.Stride-m.Pad+m.Size)
		from := p.toRead(worker, x.slice((n*m.H+h0)*m.W*m.C, (n*m.H+h1)*m.W*m.C))
		row := y.slice(task*ow*m.C, (task+1)*ow*m.C)
		to := p.toWrite(worker, row)
		for j := range ow {
			out := to[j*m.C : (j+1)*m.C]
			for k := range out {
				out[k] = float32(math.Inf(-1))
			}
			m.window(i, j, func(h, w int) {
				p.isa.Binary(Max, out, from[((h-h0)*m.W+w)*m.C:], out)
			})
		}
		p.isa.finish(row, to)
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
	m.BackwardOf(p, Floats(x), Floats(dy), Floats(dx))
}

// BackwardOf is Backward for images in either storage.
func (m MaxPool) BackwardOf(p *Pool, x, dy, dx Array) {
	m.check(x, dy)
	oh, ow := m.OutSize()
	image := m.H * m.W * m.C
	p.Run(m.N, func(worker, n int) {
		all := dx.slice(n*image, (n+1)*image)
		from, to := p.toRead(worker, x.slice(n*image, (n+1)*image)), p.toWrite(worker, all)
		clear(to)
		top, left := p.Scratch(worker, m.C), p.Scratch(worker, m.C)
		for i := range oh {
			for j := range ow {
				for k := range top {
					top[k] = float32(math.Inf(-1))
				}
				p.isa.read(left, dy.from(((n*oh+i)*ow+j)*m.C))
				m.window(i, j, func(h, w int) { p.isa.Binary(Max, top, from[(h*m.W+w)*m.C:], top) })
				m.window(i, j, func(h, w int) {
					at := (h*m.W + w) * m.C
					p.isa.maxPoolGrad(left, to[at:at+m.C], from[at:at+m.C], top)
				})
			}
		}
		p.isa.finish(all, to)
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

func (a AvgPool) check(x, y Array) {
	if min(a.H, a.W, a.C, a.OutH, a.OutW) < 1 || a.N < 0 {
		panic(fmt.Sprintf("kernel: no such pooling: %+v", a))
	}
	if x.Len() < a.N*a.H*a.W*a.C || y.Len() < a.N*a.OutH*a.OutW*a.C {
		panic(fmt.Sprintf("kernel: pooling %+v: x and y have %d and %d entries", a, x.Len(), y.Len()))
	}
}

// adaptive returns the inputs that output i of count covers on an axis of the given size.
func adaptive(size, count, i int) (lo, hi int) { return i * size / count, parts((i+1)*size, count) }

// Forward computes y, [N, OutH, OutW, C], from x.
func (a AvgPool) Forward(p *Pool, x, y []float32) { a.ForwardOf(p, Floats(x), Floats(y)) }

// ForwardOf is Forward for images in either storage.
func (a AvgPool) ForwardOf(p *Pool, x, y Array) {
	a.check(x, y)
	image, outputs := a.H*a.W*a.C, a.OutH*a.OutW*a.C
	p.Run(a.N, func(worker, n int) {
		from, all := p.toRead(worker, x.slice(n*image, (n+1)*image)), y.slice(n*outputs, (n+1)*outputs)
		to, row := p.toWrite(worker, all), p.Scratch(worker, a.C)
		for i := range a.OutH {
			h0, h1 := adaptive(a.H, a.OutH, i)
			for j := range a.OutW {
				w0, w1 := adaptive(a.W, a.OutW, j)
				out := to[(i*a.OutW+j)*a.C:][:a.C]
				clear(out)
				for h := h0; h < h1; h++ {
					p.isa.colSums(row, from[(h*a.W+w0)*a.C:], w1-w0, a.C)
					p.isa.Binary(Add, out, out, row)
				}
				p.isa.Scalar(Mul, out, out, 1/float32((h1-h0)*(w1-w0)))
			}
		}
		p.isa.finish(all, to)
	})
}

// Backward computes dx, the gradient of x, from dy, the gradient of y.
func (a AvgPool) Backward(p *Pool, dy, dx []float32) { a.BackwardOf(p, Floats(dy), Floats(dx)) }

// BackwardOf is Backward for images in either storage.
func (a AvgPool) BackwardOf(p *Pool, dy, dx Array) {
	a.check(dx, dy)
	image, outputs := a.H*a.W*a.C, a.OutH*a.OutW*a.C
	p.Run(a.N, func(worker, n int) {
		all := dx.slice(n*image, (n+1)*image)
		to, shares := p.toWrite(worker, all), p.toRead(worker, dy.slice(n*outputs, (n+1)*outputs))
		clear(to)
		for i := range a.OutH {
			h0, h1 := adaptive(a.H, a.OutH, i)
			for j := range a.OutW {
				w0, w1 := adaptive(a.W, a.OutW, j)
				share := 1 / float32((h1-h0)*(w1-w0))
				from := shares[(i*a.OutW+j)*a.C:]
				for h := h0; h < h1; h++ {
					for w := w0; w < w1; w++ {
						at := (h*a.W + w) * a.C
						p.isa.Axpy(to[at:at+a.C], share, from)
					}
				}
			}
		}
		p.isa.finish(all, to)
	})
}
