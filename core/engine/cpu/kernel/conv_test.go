package kernel

import (
	"fmt"
	"testing"
)

// convTruth computes the three products of a convolution with plain loops in float64.
func convTruth(c Conv, x, w, dy []float32) (y, dx, dw []float64) {
	oh, ow := c.OutSize()
	y, dx, dw = make([]float64, c.N*oh*ow*c.K), make([]float64, c.N*c.H*c.W*c.C), make([]float64, c.R*c.S*c.C*c.K)
	for n := range c.N {
		for p := range oh {
			for q := range ow {
				out := ((n*oh+p)*ow + q) * c.K
				for r := range c.R {
					for s := range c.S {
						h, v := p*c.Stride+r-c.Pad, q*c.Stride+s-c.Pad
						if h < 0 || h >= c.H || v < 0 || v >= c.W {
							continue
						}
						in := ((n*c.H+h)*c.W + v) * c.C
						for i := range c.C {
							row := ((r*c.S+s)*c.C + i) * c.K
							for k := range c.K {
								y[out+k] += float64(x[in+i]) * float64(w[row+k])
								dx[in+i] += float64(dy[out+k]) * float64(w[row+k])
								dw[row+k] += float64(x[in+i]) * float64(dy[out+k])
							}
						}
					}
				}
			}
		}
	}
	return y, dx, dw
}

var convCases = []Conv{
	{N: 2, H: 5, W: 5, C: 1, K: 1, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 3, H: 28, W: 28, C: 1, K: 32, R: 3, S: 3, Stride: 2, Pad: 1},
	{N: 2, H: 14, W: 14, C: 32, K: 32, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 5, H: 14, W: 14, C: 32, K: 64, R: 3, S: 3, Stride: 2, Pad: 1},
	{N: 5, H: 7, W: 7, C: 64, K: 64, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 9, H: 7, W: 7, C: 64, K: 128, R: 3, S: 3, Stride: 2, Pad: 1},
	{N: 9, H: 4, W: 4, C: 128, K: 128, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 20, H: 4, W: 4, C: 256, K: 72, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 2, H: 32, W: 32, C: 3, K: 64, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 2, H: 33, W: 29, C: 3, K: 64, R: 7, S: 7, Stride: 2, Pad: 3},
	{N: 2, H: 9, W: 13, C: 17, K: 5, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 2, H: 12, W: 9, C: 5, K: 47, R: 3, S: 2, Stride: 1, Pad: 0},
	{N: 3, H: 11, W: 10, C: 6, K: 20, R: 5, S: 3, Stride: 3, Pad: 2},
	{N: 4, H: 8, W: 8, C: 64, K: 128, R: 1, S: 1, Stride: 2, Pad: 0},
	{N: 4, H: 7, W: 5, C: 24, K: 40, R: 1, S: 1, Stride: 1, Pad: 0},
	{N: 3, H: 6, W: 6, C: 9, K: 33, R: 1, S: 1, Stride: 1, Pad: 1},
	{N: 6, H: 2, W: 2, C: 16, K: 16, R: 3, S: 3, Stride: 2, Pad: 1},
	{N: 6, H: 1, W: 1, C: 16, K: 48, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 1, H: 8, W: 40, C: 32, K: 64, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 4, H: 13, W: 9, C: 48, K: 112, R: 3, S: 3, Stride: 1, Pad: 0},
	{N: 5, H: 10, W: 11, C: 80, K: 32, R: 3, S: 3, Stride: 1, Pad: 2},
	{N: 33, H: 4, W: 4, C: 256, K: 32, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 8, H: 6, W: 6, C: 272, K: 256, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 70, H: 8, W: 7, C: 32, K: 32, R: 3, S: 3, Stride: 1, Pad: 1},
	{N: 2, H: 16, W: 16, C: 16, K: 16, R: 4, S: 4, Stride: 4, Pad: 0},
	{N: 2, H: 9, W: 9, C: 4, K: 8, R: 2, S: 2, Stride: 3, Pad: 0},
	{N: 2, H: 7, W: 9, C: 150, K: 64, R: 3, S: 3, Stride: 2, Pad: 1},
	{N: 2, H: 9, W: 15, C: 270, K: 320, R: 1, S: 1, Stride: 1, Pad: 0},
	{N: 3, H: 5, W: 7, C: 40, K: 48, R: 1, S: 1, Stride: 2, Pad: 0},
	{N: 1, H: 20, W: 19, C: 33, K: 35, R: 3, S: 3, Stride: 1, Pad: 2},
}

// TestConv compares all three products in float32 and with images stored in bfloat16, on numbers that both can hold.
func TestConv(t *testing.T) {
	for _, c := range convCases {
		r := newRand(11)
		oh, ow := c.OutSize()
		x16, dy16 := rounded(random(r, c.N*c.H*c.W*c.C)), rounded(random(r, c.N*oh*ow*c.K))
		x, w, dy := floatsOf(x16), random(r, c.R*c.S*c.C*c.K), floatsOf(dy16)
		y, dx, dw := convTruth(c, x, w, dy)
		name := fmt.Sprintf("%+v", c)
		onAll(t, name+" forward", y, 5e-5, func(p *Pool) []float32 {
			out := poison(len(y))
			c.Forward(p, x, w, out)
			return out
		})
		onAll(t, name+" backward data", dx, 5e-5, func(p *Pool) []float32 {
			out := poison(len(dx))
			c.BackwardData(p, dy, w, out)
			return out
		})
		onAll(t, name+" backward weights", dw, 5e-5, func(p *Pool) []float32 {
			out := poison(len(dw))
			c.BackwardWeights(p, x, dy, out)
			return out
		})
		onAll(t, name+" forward in bfloat16", y, halfTolerance, func(p *Pool) []float32 {
			out := rounded(poison(len(y)))
			c.ForwardOf(p, Halves(x16), w, Halves(out))
			return floatsOf(out)
		})
		onAll(t, name+" backward data in bfloat16", dx, halfTolerance, func(p *Pool) []float32 {
			out := rounded(poison(len(dx)))
			c.BackwardDataOf(p, Halves(dy16), w, Halves(out))
			return floatsOf(out)
		})
		onAll(t, name+" backward weights of bfloat16", dw, 5e-5, func(p *Pool) []float32 {
			out := poison(len(dw))
			c.BackwardWeightsOf(p, Halves(x16), Halves(dy16), out)
			return out
		})
		if c.C <= 4 { // a first layer, which reads float32 pixels
			onAll(t, name+" forward to bfloat16", y, halfTolerance, func(p *Pool) []float32 {
				out := rounded(poison(len(y)))
				c.ForwardOf(p, Floats(x), w, Halves(out))
				return floatsOf(out)
			})
			onAll(t, name+" backward weights of float32 and bfloat16", dw, 5e-5, func(p *Pool) []float32 {
				out := poison(len(dw))
				c.BackwardWeightsOf(p, Floats(x), Halves(dy16), out)
				return out
			})
		}
	}
}

func TestWinogradIsChosen(t *testing.T) {
	for _, c := range []struct {
		Conv
		want bool
	}{
		{Conv{128, 32, 32, 64, 64, 3, 3, 1, 1}, true},
		{Conv{256, 14, 14, 32, 32, 3, 3, 1, 1}, true},
		{Conv{256, 7, 7, 64, 64, 3, 3, 1, 1}, true},
		{Conv{128, 4, 4, 512, 512, 3, 3, 1, 1}, true},
		{Conv{128, 32, 32, 3, 64, 3, 3, 1, 1}, false},   // few channels
		{Conv{128, 32, 32, 40, 64, 3, 3, 1, 1}, false},  // no multiple of 16
		{Conv{128, 32, 32, 64, 128, 3, 3, 2, 1}, false}, // stride 2
		{Conv{128, 5, 1, 64, 64, 3, 3, 1, 1}, false},    // tiles mostly outside
		{Conv{2, 8, 8, 64, 64, 3, 3, 1, 1}, false},      // few tiles
		{Conv{128, 32, 32, 64, 64, 1, 1, 1, 0}, false},
	} {
		for _, isa := range []ISA{Plain, AVX2, AVX512} {
			if _, got := c.winograd(isa); got != (c.want && isa != Plain) {
				t.Errorf("%+v on %v: Winograd's method is chosen: %v", c.Conv, isa, got)
			}
		}
	}
}

func TestConvWithoutImages(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	c := Conv{H: 5, W: 5, C: 4, K: 6, R: 3, S: 3, Stride: 1, Pad: 1}
	w, dw := make([]float32, 9*24), poison(9*24)
	c.Forward(p, nil, w, nil)
	c.BackwardData(p, nil, w, nil)
	c.BackwardWeights(p, nil, nil, dw)
	for i, v := range dw {
		if v != 0 {
			t.Fatalf("gradient %d is %v", i, v)
		}
	}
}

func BenchmarkConv(b *testing.B) {
	for _, s := range []struct {
		name string
		Conv
	}{
		{"demo/stem", Conv{256, 28, 28, 1, 32, 3, 3, 2, 1}},
		{"demo/14", Conv{256, 14, 14, 32, 32, 3, 3, 1, 1}},
		{"demo/14to7", Conv{256, 14, 14, 32, 64, 3, 3, 2, 1}},
		{"demo/7", Conv{256, 7, 7, 64, 64, 3, 3, 1, 1}},
		{"demo/4", Conv{256, 4, 4, 128, 128, 3, 3, 1, 1}},
		{"r18/stem", Conv{128, 32, 32, 3, 64, 3, 3, 1, 1}},
		{"r18/32", Conv{128, 32, 32, 64, 64, 3, 3, 1, 1}},
		{"r18/32to16", Conv{128, 32, 32, 64, 128, 3, 3, 2, 1}},
		{"r18/32to16short", Conv{128, 32, 32, 64, 128, 1, 1, 2, 0}},
		{"r18/16", Conv{128, 16, 16, 128, 128, 3, 3, 1, 1}},
		{"r18/8", Conv{128, 8, 8, 256, 256, 3, 3, 1, 1}},
		{"r18/4", Conv{128, 4, 4, 512, 512, 3, 3, 1, 1}},
		{"r50/stem", Conv{16, 224, 224, 3, 64, 7, 7, 2, 3}},
		{"r50/56narrow", Conv{16, 56, 56, 64, 64, 1, 1, 1, 0}},
		{"r50/56out", Conv{16, 56, 56, 64, 256, 1, 1, 1, 0}},
		{"r50/56in", Conv{16, 56, 56, 256, 64, 1, 1, 1, 0}},
		{"r50/56to28", Conv{16, 56, 56, 256, 128, 1, 1, 1, 0}},
		{"r50/28out", Conv{16, 28, 28, 128, 512, 1, 1, 1, 0}},
		{"r50/28in", Conv{16, 28, 28, 512, 128, 1, 1, 1, 0}},
		{"r50/14out", Conv{16, 14, 14, 256, 1024, 1, 1, 1, 0}},
		{"r50/14in", Conv{16, 14, 14, 1024, 256, 1, 1, 1, 0}},
		{"r50/7out", Conv{16, 7, 7, 512, 2048, 1, 1, 1, 0}},
		{"r50/7in", Conv{16, 7, 7, 2048, 512, 1, 1, 1, 0}},
		{"r50/56to28short", Conv{16, 56, 56, 256, 512, 1, 1, 2, 0}},
		{"r50/56", Conv{16, 56, 56, 64, 64, 3, 3, 1, 1}},
		{"r50/14", Conv{16, 14, 14, 256, 256, 3, 3, 1, 1}},
	} {
		oh, ow := s.OutSize()
		r := newRand(10)
		x, w, y := random(r, s.N*s.H*s.W*s.C), random(r, s.R*s.S*s.C*s.K), random(r, s.N*oh*ow*s.K)
		out := make([]float32, max(len(x), len(w)))
		flops := 2 * float64(s.N*oh*ow) * float64(s.R*s.S*s.C*s.K)
		b.Run(s.name+"/fwd", func(b *testing.B) { onPools(b, flops, func(p *Pool) { s.Forward(p, x, w, y) }) })
		b.Run(s.name+"/bwd", func(b *testing.B) { onPools(b, flops, func(p *Pool) { s.BackwardData(p, y, w, out) }) })
		b.Run(s.name+"/wgrad", func(b *testing.B) { onPools(b, flops, func(p *Pool) { s.BackwardWeights(p, x, y, out) }) })
	}
}
