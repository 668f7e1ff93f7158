package augment

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"os"
	"strings"
	"testing"
)

// golden is what testdata/make_golden.py wrote: results of Pillow and torchvision for given params.
type golden struct {
	Sources map[string]struct{ H, W, C, At int }
	Cases   []goldenCase
	blob    []byte
}

type goldenCase struct {
	Name, Source string
	Size, Every  int
	Eval         int // short side; 0 where params are applied
	Crop         [4]int
	Flip, Jitter bool
	Order        [4]Step
	Factors      [4]float64
	Gray         bool
	Sigma        float64
	Solarize     bool
	Mean, Std    []float32
	At           int
}

func readGolden(t *testing.T) *golden {
	t.Helper()
	var g golden
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile("testdata/golden.bin.gz")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if g.blob, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return &g
}

func (g *golden) source(name string) Image {
	s := g.Sources[name]
	return Image{Pix: g.blob[s.At:][:s.H*s.W*s.C], H: s.H, W: s.W, C: s.C}
}

func (c *goldenCase) params() Params {
	return Params{
		Crop: Box{Top: c.Crop[0], Left: c.Crop[1], Height: c.Crop[2], Width: c.Crop[3]},
		Flip: c.Flip, Jitter: c.Jitter, Order: c.Order,
		Brightness: c.Factors[0], Contrast: c.Factors[1], Saturation: c.Factors[2], Hue: c.Factors[3],
		Gray: c.Gray, Sigma: c.Sigma, Solarize: c.Solarize,
	}
}

func (c *goldenCase) recipe() Recipe {
	return Recipe{Size: c.Size, CropMin: 0.08, CropMax: 1, RatioMin: 0.75, RatioMax: 1.34, Mean: c.Mean, Std: c.Std, EvalShort: c.Eval}
}

// run gives the rows of the view that the case keeps.
func (c *goldenCase) run(t *testing.T, src Image, k *kernels, s *Scratch) []float32 {
	t.Helper()
	p, err := New(c.recipe(), src.C)
	if err != nil {
		t.Fatal(err)
	}
	p.k = k
	view := make([]float32, p.Len())
	if c.Eval > 0 {
		p.Eval(view, src, s)
	} else {
		p.ApplyParams(view, src, c.params(), s)
	}
	var kept []float32
	for y := 0; y < c.Size; y += c.Every {
		kept = append(kept, view[y*c.Size*src.C:][:c.Size*src.C]...)
	}
	return kept
}

// Every byte must be Pillow's and torchvision's, except where a two-dimensional blur and a separable one round
// a sum near a half to different sides: at most one level, in at most one value of ten thousand.
func TestGolden(t *testing.T) {
	g := readGolden(t)
	for _, k := range sets() {
		var s Scratch
		values, off := map[string]int{}, map[string]int{}
		for _, c := range g.Cases {
			src := g.source(c.Source)
			got := c.run(t, src, k, &s)
			group, _, _ := strings.Cut(c.Name, "/")
			values[group] += len(got)
			if len(c.Mean) > 0 {
				for i, v := range got {
					want := math.Float32frombits(binary.LittleEndian.Uint32(g.blob[c.At+4*i:]))
					if v != want {
						t.Fatalf("%s, %s: value %d is %v, torchvision has %v", k.name, c.Name, i, v, want)
					}
				}
				continue
			}
			for i, v := range got {
				d := int(math.Round(float64(v)*255)) - int(g.blob[c.At+i])
				if d == 0 {
					continue
				}
				off[group]++
				if d*d > 1 || c.Sigma == 0 {
					t.Errorf("%s, %s: value %d is %v, torchvision has %d", k.name, c.Name, i, v*255, g.blob[c.At+i])
					break
				}
			}
		}
		for group, n := range values {
			t.Logf("%s: %-12s %6d values, %d off by one", k.name, group, n, off[group])
			if off[group]*10_000 > n {
				t.Errorf("%s: %s: %d of %d values off by one", k.name, group, off[group], n)
			}
		}
	}
}
