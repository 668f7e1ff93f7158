package kernel

import (
	"fmt"
	"math"
	"testing"
)

func TestMaxPool(t *testing.T) {
	for _, m := range []MaxPool{
		{N: 2, H: 8, W: 8, C: 3, Size: 3, Stride: 2, Pad: 1}, {N: 3, H: 7, W: 9, C: 16, Size: 2, Stride: 2}, {N: 1, H: 5, W: 5, C: 33, Size: 3, Stride: 1, Pad: 1},
		{N: 2, H: 1, W: 1, C: 8, Size: 3, Stride: 2, Pad: 1}, {N: 2, H: 11, W: 6, C: 64, Size: 4, Stride: 3, Pad: 2},
	} {
		oh, ow := m.OutSize()
		r := newRand(11)
		x, dy := random(r, m.N*m.H*m.W*m.C), random(r, m.N*oh*ow*m.C)
		for i := range x { // coarse values, so that maxima are shared
			x[i] = float32(math.Round(float64(2 * x[i])))
		}
		x16, dy16 := rounded(x), rounded(dy)
		dy = floatsOf(dy16)
		y, dx := make([]float64, len(dy)), make([]float64, len(x))
		for n := range m.N {
			for i := range oh {
				for j := range ow {
					for c := range m.C {
						best, at := math.Inf(-1), -1
						for k := range m.Size * m.Size {
							h, w := i*m.Stride+k/m.Size-m.Pad, j*m.Stride+k%m.Size-m.Pad
							if h < 0 || h >= m.H || w < 0 || w >= m.W {
								continue
							}
							if v := float64(x[((n*m.H+h)*m.W+w)*m.C+c]); v > best {
								best, at = v, ((n*m.H+h)*m.W+w)*m.C+c
							}
						}
						out := ((n*oh+i)*ow+j)*m.C + c
						y[out] = best
						dx[at] += float64(dy[out])
					}
				}
			}
		}
		name := fmt.Sprintf("%+v", m)
		onAll(t, name, y, 0, func(p *Pool) []float32 {
			out := poison(len(y))
			m.Forward(p, x, out)
			return out
		})
		onAll(t, name+" gradient", dx, 1e-6, func(p *Pool) []float32 {
			out := poison(len(dx))
			m.Backward(p, x, dy, out)
			return out
		})
		onAll(t, name+" in bfloat16", y, 0, func(p *Pool) []float32 {
			out := rounded(poison(len(y)))
			m.ForwardOf(p, Halves(x16), Halves(out))
			return floatsOf(out)
		})
		onAll(t, name+" gradient in bfloat16", dx, halfTolerance, func(p *Pool) []float32 {
			out := rounded(poison(len(dx)))
			m.BackwardOf(p, Halves(x16), Halves(dy16), Halves(out))
			return floatsOf(out)
		})
	}
}

func TestAvgPool(t *testing.T) {
	for _, a := range []AvgPool{
		{N: 3, H: 4, W: 4, C: 128, OutH: 1, OutW: 1}, {N: 2, H: 7, W: 7, C: 30, OutH: 1, OutW: 1}, {N: 2, H: 7, W: 5, C: 9, OutH: 3, OutW: 2},
		{N: 1, H: 2, W: 3, C: 4, OutH: 5, OutW: 3}, {N: 2, H: 56, W: 56, C: 16, OutH: 7, OutW: 7},
	} {
		r := newRand(12)
		x16, dy := rounded(random(r, a.N*a.H*a.W*a.C)), random(r, a.N*a.OutH*a.OutW*a.C)
		x := floatsOf(x16)
		y, dx := make([]float64, len(dy)), make([]float64, len(x))
		for n := range a.N {
			for i := range a.OutH {
				for j := range a.OutW {
					h0, h1 := i*a.H/a.OutH, int(math.Ceil(float64((i+1)*a.H)/float64(a.OutH)))
					w0, w1 := j*a.W/a.OutW, int(math.Ceil(float64((j+1)*a.W)/float64(a.OutW)))
					count := float64((h1 - h0) * (w1 - w0))
					for c := range a.C {
						out := ((n*a.OutH+i)*a.OutW+j)*a.C + c
						for h := h0; h < h1; h++ {
							for w := w0; w < w1; w++ {
								in := ((n*a.H+h)*a.W+w)*a.C + c
								y[out] += float64(x[in]) / count
								dx[in] += float64(dy[out]) / count
							}
						}
					}
				}
			}
		}
		name := fmt.Sprintf("%+v", a)
		onAll(t, name, y, 2e-6, func(p *Pool) []float32 {
			out := poison(len(y))
			a.Forward(p, x, out)
			return out
		})
		onAll(t, name+" gradient", dx, 2e-6, func(p *Pool) []float32 {
			out := poison(len(dx))
			a.Backward(p, dy, out)
			return out
		})
		onAll(t, name+" of bfloat16", y, 2e-6, func(p *Pool) []float32 {
			out := poison(len(y))
			a.ForwardOf(p, Halves(x16), Floats(out))
			return out
		})
		onAll(t, name+" gradient to bfloat16", dx, halfTolerance, func(p *Pool) []float32 {
			out := rounded(poison(len(dx)))
			a.BackwardOf(p, Floats(dy), Halves(out))
			return floatsOf(out)
		})
	}
}
