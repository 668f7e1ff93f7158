package views_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
	"github.com/sslctl/sslctl/core/engine/cuda/views"
	"github.com/sslctl/sslctl/core/internal/cuda/devicetest"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/core/internal/cuda/nvrtc"
)

// strong is a recipe in which every step happens in some views and not in others.
func strong(size int, moments int) augment.Recipe {
	r := augment.Recipe{Size: size, CropMin: 0.2, CropMax: 1, RatioMin: 3. / 4, RatioMax: 4. / 3, Flip: 0.5, Jitter: 0.8,
		Brightness: 0.4, Contrast: 0.4, Saturation: 0.2, Hue: 0.1, Gray: 0.2, Blur: 0.6, BlurSigmaMin: 0.1, BlurSigmaMax: 2, Solarize: 0.3}
	for c := range moments {
		r.Mean, r.Std = append(r.Mean, 0.48+0.01*float32(c)), append(r.Std, 0.24+0.01*float32(c))
	}
	return r
}

// TestViews: views made by the kernels have the bits of package augment, for images of many sizes that are enlarged and reduced.
func TestViews(t *testing.T) {
	tests := []struct {
		name          string
		recipes       []augment.Recipe
		channels      int
		batch         int
		height, width int
	}{
		{"colour", []augment.Recipe{strong(32, 3), strong(32, 0)}, 3, 24, 61, 47},
		{"gray", []augment.Recipe{strong(28, 1)}, 1, 12, 28, 28},
		{"reduced", []augment.Recipe{strong(20, 3)}, 3, 6, 150, 97},
		{"a pixel", []augment.Recipe{strong(1, 0)}, 3, 3, 5, 5},
	}
	g := newGPU(t)
	for _, test := range tests {
		var pipelines []*augment.Pipeline
		for _, r := range test.recipes {
			p, err := augment.New(r, test.channels)
			g.Check(err)
			pipelines = append(pipelines, p)
		}
		maker, err := views.New(pipelines, test.batch, test.height, test.width)
		g.Check(err)
		images, keys := draw(test.batch, test.height, test.width, test.channels)
		got := g.run(maker, images, keys)
		for v, p := range pipelines {
			for j, img := range images {
				want := make([]float32, p.Len())
				key := keys[j]
				key.View = v
				p.Apply(want, img, key, &augment.Scratch{})
				at := (v*test.batch + j) * p.Len()
				if i := differs(got[at:at+p.Len()], want); i >= 0 {
					t.Errorf("%s: view %d of image %d, %d x %d: value %d is %v, want %v\n%+v", test.name, v, j, img.H, img.W, i, got[at+i], want[i],
						p.Draw(key, img.H, img.W))
				}
			}
		}
	}
}

func differs(got, want []float32) int {
	for i := range want {
		if got[i] != want[i] {
			return i
		}
	}
	return -1
}

// draw makes images of different sizes, up to the given one, some of whose colours are gray or at the ends of the range.
func draw(n, height, width, channels int) ([]augment.Image, []augment.Key) {
	r := rand.New(rand.NewPCG(5, 6))
	var images []augment.Image
	var keys []augment.Key
	for j := range n {
		img := augment.Image{H: height, W: width, C: channels}
		if j > 0 {
			img.H, img.W = 1+r.IntN(height), 1+r.IntN(width)
		}
		img.Pix = make([]uint8, img.H*img.W*channels)
		for i := range img.Pix {
			img.Pix[i] = uint8(r.IntN(256))
			if r.IntN(4) == 0 && i%3 > 0 {
				img.Pix[i] = img.Pix[i-1]
			}
		}
		images, keys = append(images, img), append(keys, augment.Key{Seed: 7, Epoch: 3, Index: 100 + j})
	}
	return images, keys
}

// TestPutRefuses: an image that the maker has no room for.
func TestPutRefuses(t *testing.T) {
	p, err := augment.New(strong(8, 3), 3)
	if err != nil {
		t.Fatal(err)
	}
	m, err := views.New([]*augment.Pipeline{p}, 1, 10, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, img := range []augment.Image{{H: 11, W: 10, C: 3}, {H: 10, W: 11, C: 3}, {H: 10, W: 10, C: 1}, {H: 0, W: 1, C: 3}} {
		img.Pix = make([]uint8, img.H*img.W*img.C)
		if err := m.Put(views.Host{}, 0, img, augment.Key{}); err == nil {
			t.Errorf("an image of %d x %d x %d is taken", img.H, img.W, img.C)
		}
	}
}

// gpu is the fake's device, or a real one, with the kernels.
type gpu struct {
	*devicetest.Device
	t    *testing.T
	unit *drv.Module
}

func newGPU(t *testing.T) *gpu {
	g := &gpu{Device: devicetest.Open(t), t: t}
	compiler, err := nvrtc.Open(g.Search(), nvrtc.Newest)
	g.Check(err)
	cubin, _, err := compiler.Compile(views.Source, g.Arch)
	g.Check(err)
	g.unit, err = g.Context.Load(cubin)
	g.Check(err)
	t.Cleanup(func() { g.Check(g.unit.Close()) })
	return g
}

// run makes the views of a batch.
func (g *gpu) run(m *views.Maker, images []augment.Image, keys []augment.Key) []float32 {
	g.t.Helper()
	sizes := m.Bytes()
	buffers := make([]drv.Ptr, len(sizes))
	for i, bytes := range sizes {
		p, err := g.Context.Alloc(bytes)
		g.Check(err)
		defer func() { g.Check(g.Context.Free(p)) }()
		buffers[i] = p
	}
	weights := make([]float32, sizes[views.Weights]/4)
	h := views.Host{Images: make([]byte, sizes[views.Images]), Records: make([]byte, sizes[views.Records]), Weights: weights}
	for j, img := range images {
		g.Check(m.Put(h, j, img, keys[j]))
	}
	for number, data := range map[kernels.Scratch][]byte{views.Images: h.Images, views.Records: h.Records,
		views.Weights: unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(weights))), 4*len(weights))} {
		g.Check(g.Stream.CopyIn(buffers[number], data))
	}
	for _, c := range m.Calls() {
		f, err := g.unit.Function(c.Kernel)
		g.Check(err)
		l := drv.Launch{Grid: c.Grid, Block: c.Block}
		for _, a := range c.Args {
			switch a := a.(type) {
			case kernels.Scratch:
				l.Args = append(l.Args, drv.Pointer(buffers[a]))
			case kernels.Int32:
				l.Args = append(l.Args, drv.Int32(int32(a)))
			default:
				g.t.Fatalf("argument of type %T", a)
			}
		}
		g.Check(g.Stream.Launch(f, l))
	}
	out := make([]float32, sizes[views.Out]/4)
	g.Check(g.Stream.CopyOut(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(out))), 4*len(out)), buffers[views.Out]))
	g.Check(g.Stream.Synchronize())
	return slices.Clone(out)
}

// TestRefusals: what no launch could make is refused before memory is asked for.
func TestRefusals(t *testing.T) {
	small, err := augment.New(strong(8, 3), 3)
	if err != nil {
		t.Fatal(err)
	}
	gray, err := augment.New(strong(8, 1), 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		pipelines []*augment.Pipeline
		batch     int
		want      string
	}{
		"none":     {nil, 1, "need at least one"},
		"too many": {[]*augment.Pipeline{small, small}, 32768, "more than 65535"},
		"unequal":  {[]*augment.Pipeline{small, gray}, 1, "view 1 is 8 of 1"},
	} {
		if _, err := views.New(test.pipelines, test.batch, 10, 10); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %s", name, err, test.want)
		}
	}
}
