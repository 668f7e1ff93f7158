package augment

import (
	"bytes"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

// colours are planes of every colour whose channels are multiples of step, and 255, in whole blocks.
func colours(step int) (r, g, b []uint8) {
	var values []uint8
	for v := 0; v < 255; v += step {
		values = append(values, uint8(v))
	}
	values = append(values, 255)
	for _, x := range values {
		for _, y := range values {
			for _, z := range values {
				r, g, b = append(r, x), append(g, y), append(b, z)
			}
		}
	}
	n := len(r) &^ (planeAlign - 1)
	return r[:n], g[:n], b[:n]
}

// Every set must turn every colour into the plain set's, for steps that work on colours.
func TestColourKernelsAgree(t *testing.T) {
	r, g, b := colours(5)
	rnd := rand.New(rand.NewPCG(1, 2))
	type step struct {
		name string
		run  func(k *kernels, r, g, b []uint8)
	}
	steps := []step{{"gray", func(k *kernels, r, g, b []uint8) { k.gray(r, g, b) }}}
	for range 4 {
		shift, f, a := rnd.Float32()-0.5, 2*rnd.Float64(), 200*rnd.Float32()
		steps = append(steps,
			step{"hue", func(k *kernels, r, g, b []uint8) { k.hue(r, g, b, shift) }},
			step{"saturate", func(k *kernels, r, g, b []uint8) { k.saturate(r, g, b, float32(f), float32(1-f)) }},
			step{"affine", func(k *kernels, r, _, _ []uint8) { k.affine(r, float32(f), a, float32(1-f)) }},
			step{"brightness", func(k *kernels, r, _, _ []uint8) { k.affine(r, float32(f), 0, 0) }})
	}
	all := sets()
	for _, s := range steps {
		wr, wg, wb := slices.Clone(r), slices.Clone(g), slices.Clone(b)
		s.run(all[0], wr, wg, wb)
		for _, k := range all[1:] {
			gr, gg, gb := slices.Clone(r), slices.Clone(g), slices.Clone(b)
			s.run(k, gr, gg, gb)
			if !bytes.Equal(gr, wr) || !bytes.Equal(gg, wg) || !bytes.Equal(gb, wb) {
				t.Errorf("%s: %s differs from plain", s.name, k.name)
			}
		}
	}
}

func TestSumKernelsAgree(t *testing.T) {
	r, g, b := colours(9)
	for _, n := range []int{0, 1, 15, 16, 17, 31, 32, 33, 100, len(r) - 1, len(r)} {
		want, wantY := sumBytes(r, n), luminanceSum(r, g, b, n)
		for _, k := range sets() {
			if got := k.sum(r, n); got != want {
				t.Errorf("%s: sum of %d is %d, want %d", k.name, n, got, want)
			}
			if got := k.luminanceSum(r, g, b, n); got != wantY {
				t.Errorf("%s: luminance of %d is %d, want %d", k.name, n, got, wantY)
			}
		}
	}
}

// Division by the standard deviation must be rounded as a division, for every byte and any moments.
func TestNormalizeKernelsAgree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	every := make([]uint8, 256+5)
	for i := range every {
		every[i] = uint8(i)
	}
	for i := range 3000 {
		mean, std := make([]float32, 3), make([]float32, 3)
		for c := range mean {
			mean[c] = rnd.Float32()
			std[c] = rnd.Float32()*2 + 1e-3
			if i%5 == 0 {
				mean[c] = float32((rnd.Float64() - 0.5) * 2 * maxMean)
				std[c] = float32(math.Exp(math.Log(minStd) + rnd.Float64()*(math.Log(maxStd)-math.Log(minStd))))
			}
			if i%7 == 0 {
				mean[c] = float32(rnd.IntN(256)) * fromByte
			}
		}
		m := newMoments(mean, std, 3)
		got := make([]float32, 3*len(every))
		for _, k := range sets() {
			k.interleave(got, every, every, every, len(every), &m)
			for j, v := range got {
				if want := m.table[j%3][every[j/3]]; v != want {
					t.Fatalf("%s: byte %d with mean %v, std %v is %v, want %v", k.name, every[j/3], mean[j%3], std[j%3], v, want)
				}
			}
			k.single(got[:len(every)], every, len(every), &m)
			for j, v := range got[:len(every)] {
				if want := m.table[0][every[j]]; v != want {
					t.Fatalf("%s, one channel: byte %d with mean %v, std %v is %v, want %v", k.name, every[j], mean[0], std[0], v, want)
				}
			}
		}
	}
}

// fma32 must round x*y+z once; the reference computes it exactly.
func TestFMA32RoundsOnce(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	double := 0
	for range 200_000 {
		x, y, z := float32(rnd.NormFloat64()), float32(rnd.NormFloat64()), float32(rnd.NormFloat64())
		switch rnd.IntN(3) {
		case 0:
			z = float32(float64(x)*float64(y)) * float32(rnd.IntN(3)-1) // cancels most of the product
		case 1:
			// A sum just beside the middle between two floats: the product of odd multiples of 2^-12 is an odd multiple of 2^-24.
			x, y = 1+float32(2*rnd.IntN(100)+1)/4096, 1+float32(2*rnd.IntN(100)+1)/4096
			z = float32(math.Ldexp(rnd.NormFloat64(), -60))
		}
		exact := new(big.Float).SetPrec(400).Mul(big.NewFloat(float64(x)), big.NewFloat(float64(y)))
		exact.Add(new(big.Float).SetPrec(400).Set(exact), big.NewFloat(float64(z)))
		want, _ := exact.Float32()
		if got := fma32(x, y, z); got != want {
			t.Fatalf("fma32(%v, %v, %v) is %v, want %v", x, y, z, got, want)
		}
		if float32(float64(float64(x)*float64(y))+float64(z)) != want {
			double++
		}
	}
	if double == 0 {
		t.Error("no sample would have told one rounding from two")
	}
}
