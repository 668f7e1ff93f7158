package augment

import (
	"fmt"
	"testing"
)

// vicreg is the recipe of the VICReg paper; small sizes go without blur, as is usual for CIFAR.
func vicreg(size int, blur float64) Recipe {
	return Recipe{
		Size: size, CropMin: 0.08, CropMax: 1, RatioMin: 3.0 / 4, RatioMax: 4.0 / 3, Flip: 0.5,
		Jitter: 0.8, Brightness: 0.4, Contrast: 0.4, Saturation: 0.2, Hue: 0.1, Gray: 0.2,
		Blur: blur, BlurSigmaMin: 0.1, BlurSigmaMax: 2, Solarize: 0.1,
		Mean: []float32{0.485, 0.456, 0.406}, Std: []float32{0.229, 0.224, 0.225},
	}
}

// demo is the recipe of the three-minute run on Fashion-MNIST.
func demo() Recipe {
	return Recipe{
		Size: 28, CropMin: 0.3, CropMax: 1, RatioMin: 3.0 / 4, RatioMax: 4.0 / 3, Flip: 0.5,
		Jitter: 0.8, Brightness: 0.8, Contrast: 0.8, Mean: []float32{0.286}, Std: []float32{0.353},
	}
}

func BenchmarkApply(b *testing.B) {
	for _, c := range []struct {
		name   string
		recipe Recipe
		src    Image
	}{
		{"fashion28x1", demo(), picture(28, 28, 1)},
		{"cifar32x3", vicreg(32, 0), picture(32, 32, 3)},
		{"stl96x3", vicreg(96, 0.5), picture(96, 96, 3)},
		{"imagenette160to224x3", vicreg(224, 0.5), picture(160, 213, 3)},
		{"imagenet500to224x3", vicreg(224, 0.5), picture(375, 500, 3)},
	} {
		for _, k := range sets() {
			b.Run(fmt.Sprintf("%s/%s", c.name, k.name), func(b *testing.B) {
				p := pipeline(b, c.recipe, c.src.C, k)
				view := make([]float32, p.Len())
				var s Scratch
				for i := 0; b.Loop(); i++ {
					p.Apply(view, c.src, Key{Seed: 1, Index: i}, &s)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "views/s")
			})
		}
	}
}

// BenchmarkStep times one step alone on a view of 224 px, 3 channels.
func BenchmarkStep(b *testing.B) {
	src := picture(160, 160, 3)
	whole := Params{Crop: Box{Height: 160, Width: 160}, Order: [4]Step{0, 1, 2, 3}, Brightness: 1, Contrast: 1, Saturation: 1}
	for _, c := range []struct {
		name string
		set  func(*Params)
	}{
		{"resize+normalize", func(*Params) {}},
		{"brightness", func(v *Params) { v.Jitter, v.Brightness = true, 0.8 }},
		{"contrast", func(v *Params) { v.Jitter, v.Contrast = true, 0.8 }},
		{"saturation", func(v *Params) { v.Jitter, v.Saturation = true, 0.8 }},
		{"hue", func(v *Params) { v.Jitter, v.Hue = true, 0.05 }},
		{"gray", func(v *Params) { v.Gray = true }},
		{"blur", func(v *Params) { v.Sigma = 1 }},
		{"solarize", func(v *Params) { v.Solarize = true }},
	} {
		for _, k := range sets() {
			b.Run(fmt.Sprintf("%s/%s", c.name, k.name), func(b *testing.B) {
				p := pipeline(b, vicreg(224, 0.5), 3, k)
				v := whole
				c.set(&v)
				view := make([]float32, p.Len())
				var s Scratch
				for b.Loop() {
					p.ApplyParams(view, src, v, &s)
				}
			})
		}
	}
}

// BenchmarkKernel times the inner loops that take most of a view, over the 50,176 pixels of 224 x 224.
func BenchmarkKernel(b *testing.B) {
	n := 224 * 224
	src := picture(224, 224, 3)
	x, y, z := src.Pix[:n], src.Pix[n:][:n], src.Pix[2*n:][:n]
	m := newMoments([]float32{0.485, 0.456, 0.406}, []float32{0.229, 0.224, 0.225}, 3)
	view := make([]float32, 3*n)
	for _, k := range sets() {
		for _, c := range []struct {
			name string
			run  func()
		}{
			{"hue", func() { k.hue(x, y, z, 0.05) }},
			{"saturate", func() { k.saturate(x, y, z, 1.1, -0.1) }},
			{"affine", func() { k.affine(src.Pix, 1.01, 0, 0) }},
			{"luminanceSum", func() { k.luminanceSum(x, y, z, n) }},
			{"interleave", func() { k.interleave(view, x, y, z, n, &m) }},
		} {
			b.Run(c.name+"/"+k.name, func(b *testing.B) {
				for b.Loop() {
					c.run()
				}
			})
		}
	}
}
