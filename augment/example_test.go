package augment_test

import (
	"fmt"

	"github.com/sslctl/sslctl/augment"
)

// Two views of one image, and the plain picture of it.
func Example() {
	recipe := augment.Recipe{
		Size: 32, CropMin: 0.2, CropMax: 1, RatioMin: 3.0 / 4, RatioMax: 4.0 / 3, Flip: 0.5,
		Jitter: 0.8, Brightness: 0.4, Contrast: 0.4, Saturation: 0.2, Hue: 0.1, Gray: 0.2, Solarize: 0.1,
		Mean: []float32{0.491, 0.482, 0.447}, Std: []float32{0.247, 0.243, 0.262},
	}
	p, err := augment.New(recipe, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	picture := augment.Image{Pix: make([]uint8, 48*40*3), H: 48, W: 40, C: 3}
	var scratch augment.Scratch
	view := make([]float32, p.Len())
	for v := range 2 {
		p.Apply(view, picture, augment.Key{Seed: 1, Index: 17, View: v}, &scratch)
	}
	p.Eval(view, picture, &scratch)
	fmt.Println(recipe)
	fmt.Println(len(view))
	// Output:
	// 32 px: crop 0.2-1 (ratio 0.75-1.33), flip 0.5, jitter 0.8 (0.4 0.4 0.2 0.1), gray 0.2, solarize 0.1
	// 3072
}
