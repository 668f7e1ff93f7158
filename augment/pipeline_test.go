package augment

import (
	"math/rand/v2"
	"testing"

	"github.com/sourcegraph/conc"
)

// picture is a reproducible image with smooth parts, edges and noise.
func picture(h, w, c int) Image {
	r := rand.New(rand.NewPCG(uint64(h), uint64(w*4+c)))
	m := Image{Pix: make([]uint8, h*w*c), H: h, W: w, C: c}
	for i := range m.Pix {
		y, x, k := i/c/w, i/c%w, i%c
		v := 128 + (x*(k+3)*7/w+y*5/h)%5*40 - 80 + r.IntN(31)
		m.Pix[i] = uint8(min(max(v, 0), 255))
	}
	return m
}

func pipeline(t testing.TB, r Recipe, channels int, k *kernels) *Pipeline {
	t.Helper()
	p, err := New(r, channels)
	if err != nil {
		t.Fatal(err)
	}
	p.k = k
	return p
}

// Every kernel must give the bits of the plain one, whatever the size, the source and the scratch's history.
func TestKernelsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	scratch := make([]Scratch, len(sets()))
	for i := range 400 {
		c := 1 + 2*r.IntN(2)
		size := 1 + r.IntN(70)
		if i%40 == 0 {
			size = 224
		}
		recipe := vicreg(size, 0.5)
		recipe.Saturation, recipe.Hue = 1, 0.5
		recipe.Mean, recipe.Std = recipe.Mean[:c], recipe.Std[:c]
		src := picture(1+r.IntN(200), 1+r.IntN(200), c)
		key := Key{Seed: r.Uint64(), Index: i}
		var want, eval []float32
		for n, k := range sets() {
			p := pipeline(t, recipe, c, k)
			view, plainView := make([]float32, p.Len()), make([]float32, p.Len())
			p.Apply(view, src, key, &scratch[n])
			p.Eval(plainView, src, &scratch[n])
			if n == 0 {
				want, eval = view, plainView
				continue
			}
			for j := range view {
				if view[j] != want[j] || plainView[j] != eval[j] {
					t.Fatalf("%d px from %dx%dx%d, %s, value %d: view %v, want %v; eval %v, want %v; params %+v",
						size, src.H, src.W, c, k.name, j, view[j], want[j], plainView[j], eval[j], p.Draw(key, src.H, src.W))
				}
			}
		}
	}
}

func TestNoAllocationAfterWarmUp(t *testing.T) {
	for _, c := range []struct {
		name   string
		recipe Recipe
		src    Image
	}{
		{"gray", demo(), picture(28, 28, 1)},
		{"small", vicreg(32, 1), picture(32, 32, 3)},
		{"large", vicreg(224, 1), picture(160, 213, 3)},
	} {
		p := pipeline(t, c.recipe, c.src.C, detect())
		view := make([]float32, p.Len())
		var s Scratch
		p.Eval(view, c.src, &s)
		whole := Params{Crop: Box{Height: c.src.H, Width: c.src.W}, Sigma: 1}
		p.ApplyParams(view, c.src, whole, &s)
		i := 0
		if n := testing.AllocsPerRun(50, func() {
			p.Apply(view, c.src, Key{Seed: 5, Index: i}, &s)
			p.Eval(view, c.src, &s)
			i++
		}); n != 0 {
			t.Errorf("%s: %v allocations a call after warm-up, want 0", c.name, n)
		}
	}
}

// The same key gives the same view from a fresh and from a used scratch, and another key another view.
func TestApplyDependsOnTheKeyOnly(t *testing.T) {
	src := picture(40, 50, 3)
	p := pipeline(t, vicreg(32, 0.5), 3, detect())
	var used Scratch
	run := func(k Key, s *Scratch) []float32 {
		view := make([]float32, p.Len())
		p.Apply(view, src, k, s)
		return view
	}
	base := Key{Seed: 9, Epoch: 1, Index: 2, View: 0}
	want := run(base, &Scratch{})
	for i := range 20 {
		run(Key{Seed: 1, Index: i}, &used)
	}
	if got := run(base, &used); !equal(got, want) {
		t.Error("the scratch's history changed a view")
	}
	for _, k := range []Key{{10, 1, 2, 0}, {9, 2, 2, 0}, {9, 1, 3, 0}, {9, 1, 2, 1}} {
		if equal(run(k, &used), want) {
			t.Errorf("%+v gives the view of %+v", k, base)
		}
	}
}

func equal(a, b []float32) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// One pipeline, many goroutines, each with a scratch: the views are those of one goroutine.
func TestPipelineIsShared(t *testing.T) {
	src := picture(90, 130, 3) // crops on both sides of cachedLength
	p := pipeline(t, vicreg(64, 0.5), 3, detect())
	const workers, each = 4, 25
	views := make([][]float32, workers*each)
	var group conc.WaitGroup
	for w := range workers {
		group.Go(func() {
			var s Scratch
			for i := w; i < len(views); i += workers {
				views[i] = make([]float32, p.Len())
				p.Apply(views[i], src, Key{Seed: 4, Index: i}, &s)
			}
		})
	}
	group.Wait()
	var s Scratch
	want := make([]float32, p.Len())
	for i, view := range views {
		p.Apply(want, src, Key{Seed: 4, Index: i}, &s)
		if !equal(view, want) {
			t.Fatalf("view %d differs when made beside others", i)
		}
	}
}

func TestEvalKeepsAnImageOfItsSize(t *testing.T) {
	r := Recipe{Size: 32, CropMin: 1, CropMax: 1, RatioMin: 1, RatioMax: 1}
	src := picture(32, 32, 3)
	p := pipeline(t, r, 3, detect())
	view := make([]float32, p.Len())
	p.Eval(view, src, &Scratch{})
	for i, v := range view {
		if want := float32(src.Pix[i]) * fromByte; v != want {
			t.Fatalf("value %d is %v, want %v", i, v, want)
		}
	}
}

func TestMistakesPanic(t *testing.T) {
	p := pipeline(t, vicreg(32, 0), 3, detect())
	view := make([]float32, p.Len())
	src := picture(40, 40, 3)
	crop := func(top, left, h, w int) func() {
		return func() { p.ApplyParams(view, src, Params{Crop: Box{top, left, h, w}}, &Scratch{}) }
	}
	for name, f := range map[string]func(){
		"short dst":      func() { p.Apply(view[1:], src, Key{}, &Scratch{}) },
		"gray image":     func() { p.Apply(view, picture(40, 40, 1), Key{}, &Scratch{}) },
		"short pixels":   func() { p.Eval(view, Image{Pix: src.Pix[1:], H: 40, W: 40, C: 3}, &Scratch{}) },
		"empty image":    func() { p.Eval(view, Image{C: 3}, &Scratch{}) },
		"empty crop":     crop(0, 0, 0, 10),
		"crop too wide":  crop(0, 31, 10, 10),
		"crop too low":   crop(31, 0, 10, 10),
		"crop above":     crop(-1, 0, 10, 10),
		"crop left":      crop(0, -1, 10, 10),
		"crop overflows": crop(1, 1, 1<<62, 1<<62),
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}
