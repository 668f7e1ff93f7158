package kernel

import (
	"math"
	"testing"
)

// TestRound compares rounding with PyTorch's, torch.tensor(x).bfloat16().view(torch.int16), and with the vector kernels.
func TestRound(t *testing.T) {
	inf := float32(math.Inf(1))
	cases := []struct {
		x    float32
		want BF16
	}{
		{0, 0}, {float32(math.Copysign(0, -1)), 0x8000}, {1, 0x3f80}, {-2.5, 0xc020}, {3.14159265, 0x4049}, {1e-3, 0x3a83}, {-65504, 0xc780},
		{math.Float32frombits(0x3f808000), 0x3f80}, // a tie goes to the even neighbour below,
		{math.Float32frombits(0x3f818000), 0x3f82}, // and above
		{math.Float32frombits(0x3f808001), 0x3f81},
		{math.Float32frombits(0x3f817fff), 0x3f81},
		{math.MaxFloat32, 0x7f80}, {-math.MaxFloat32, 0xff80}, {inf, 0x7f80}, {-inf, 0xff80},
		{math.Float32frombits(0x7f7f7fff), 0x7f7f}, {1.17549435e-38, 0x0080},
	}
	for _, isa := range ISAs() {
		src, got := make([]float32, 37), make([]BF16, 37)
		for i := range src {
			src[i] = cases[i%len(cases)].x
		}
		isa.Narrow(got, src)
		for i := range got {
			c := cases[i%len(cases)]
			if got[i] != c.want || Round(c.x) != c.want {
				t.Errorf("%v: %v is rounded to %04x and %04x, want %04x", isa, c.x, got[i], Round(c.x), c.want)
			}
		}
		for _, bits := range []uint32{0x7fc00000, 0xffffffff, 0x7f800001, 0xff80ffff} {
			for i := range src {
				src[i] = math.Float32frombits(bits)
			}
			isa.Narrow(got, src)
			for _, b := range append(got, Round(src[0])) {
				if f := b.Float(); f == f {
					t.Errorf("%v: the NaN %08x has become %v", isa, bits, f)
				}
			}
		}
	}
}

// TestWiden goes through all bfloat16 numbers, which rounding gives back.
func TestWiden(t *testing.T) {
	src := make([]BF16, 1<<16-3)
	for i := range src {
		src[i] = BF16(i)
	}
	for _, isa := range ISAs() {
		wide, back := make([]float32, len(src)), make([]BF16, len(src))
		isa.Widen(wide, src)
		isa.Narrow(back, wide)
		for i, f := range wide {
			if math.Float32bits(f) != uint32(i)<<16 {
				t.Fatalf("%v: %04x is widened to %08x", isa, i, math.Float32bits(f))
			}
			denormal := i&0x7f80 == 0
			if nan := f != f; !nan && !denormal && back[i] != src[i] {
				t.Fatalf("%v: %04x comes back as %04x", isa, i, back[i])
			}
		}
	}
}
