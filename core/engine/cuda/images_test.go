package cuda_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/engine/cuda"
	"github.com/sslctl/sslctl/core/engine/enginetest"
	"github.com/sslctl/sslctl/core/internal/cuda/fake"
	"github.com/sslctl/sslctl/sdk/expr"
)

// TestViews: an input that the device makes of images is what package augment makes of them, run after run, with the images of
// the next run sent while one is under way.
func TestViews(t *testing.T) {
	const batch, height, width, size = 5, 13, 11, 8
	recipe := augment.Recipe{Size: size, CropMin: 0.2, CropMax: 1, RatioMin: 0.75, RatioMax: 1.33, Flip: 0.5, Jitter: 0.8, Brightness: 0.4, Contrast: 0.4,
		Saturation: 0.2, Hue: 0.1, Gray: 0.2, Blur: 0.5, BlurSigmaMin: 0.1, BlurSigmaMax: 2, Solarize: 0.2, Mean: []float32{0.4, 0.5, 0.6}, Std: []float32{0.2, 0.3, 0.2}}
	var pipelines []*augment.Pipeline
	for range 2 {
		p, err := augment.New(recipe, 3)
		if err != nil {
			t.Fatal(err)
		}
		pipelines = append(pipelines, p)
	}
	b := expr.New()
	x, bias := b.Input("x", 2*batch, size, size, 3), b.Input("bias")
	y := x.Add(bias)
	loaded, _ := enginetest.Load(t, open(t, fake.Start(t)), []expr.Tensor{y, x.Sum()}, nil)
	exe := loaded.(*cuda.Executable)
	parcels, err := exe.MakeViews(x, pipelines, batch, height, width)
	if err := errors.Join(err, exe.Bind(bias, []float32{0})); err != nil {
		t.Fatal(err)
	}
	if err := exe.Send(bias, parcels()); err == nil {
		t.Error("images were sent to an input that the device does not make")
	}
	if err := exe.Run(t.Context()); err == nil {
		t.Error("a run without images")
	}
	if err := exe.Bind(x, make([]float32, x.Shape().TotalSize())); err == nil {
		t.Error("an input that the device makes was bound")
	}
	r := rand.New(rand.NewPCG(1, 1))
	send := func(step int) (want []float32) {
		parcel := parcels()
		want = make([]float32, x.Shape().TotalSize())
		for j := range batch {
			img := augment.Image{H: 4 + r.IntN(height-3), W: 4 + r.IntN(width-3), C: 3}
			img.Pix = make([]uint8, img.H*img.W*3)
			for i := range img.Pix {
				img.Pix[i] = uint8(r.IntN(256))
			}
			key := augment.Key{Seed: 3, Epoch: step, Index: j}
			if err := parcel.Put(j, img, key); err != nil {
				t.Fatal(err)
			}
			for v, p := range pipelines {
				key.View = v
				p.Apply(want[(v*batch+j)*p.Len():][:p.Len()], img, key, &augment.Scratch{})
			}
		}
		if err := errors.Join(exe.Send(x, parcel), exe.Stage()); err != nil {
			t.Fatal(err)
		}
		return want
	}
	next := send(0)
	for step := range 4 {
		want := next
		if err := exe.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		next = send(step + 1)
		if err := exe.Wait(); err != nil {
			t.Fatal(err)
		}
		for what, got := range map[string][]float32{"the input": exe.Read(x), "a result": exe.Read(y)} {
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("step %d: %s has %v at %d, want %v", step, what, got[i], i, want[i])
				}
			}
		}
	}
}
