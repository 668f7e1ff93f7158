package backbones_test

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// golden is one network of testdata/torchvision.json (testdata/make_golden.py).
type golden struct {
	Name, Stem string
	Size       int
	Params     map[string][]int
	Buffers    []string
	Mean       float64
	Head       []float64 // the first five features of two images
}

// TestTorchvision: names, shapes and representations are torchvision's.
func TestTorchvision(t *testing.T) {
	text, err := os.ReadFile("testdata/torchvision.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, g := range all {
		t.Run(g.Name+"/"+g.Stem, func(t *testing.T) {
			net, err := backbones.New(g.Name, backbones.Options{Stem: backbones.Stem(g.Stem)})
			if err != nil {
				t.Fatal(err)
			}
			b := expr.New()
			store := nn.NewStore(b)
			y := net.Forward(store.Train(1), b.Input("pixels", 2, g.Size, g.Size, 3))
			if b.Err() != nil {
				t.Fatal(b.Err())
			}
			if !slices.Equal(y.Shape(), expr.Shape{2, net.Features()}) {
				t.Fatalf("representations are %v, features %d", y.Shape(), net.Features())
			}
			values := map[string][]float32{"pixels": noise("pixels", []int{2, 3, g.Size, g.Size}, 1, 0, 0, 2, 3, 1)}
			for _, p := range store.Params() {
				shape, ok := g.Params[p.Name]
				if !ok {
					t.Fatalf("torchvision has no %s", p.Name)
				}
				values[p.Name] = parameter(t, p, shape)
			}
			if len(values) != len(g.Params)+1 {
				t.Errorf("%d parameters, torchvision has %d", len(values)-1, len(g.Params))
			}
			for i, u := range store.Buffers() {
				if g.Buffers[i] != u.Name {
					t.Errorf("buffer %d is %s, torchvision's %s", i, u.Name, g.Buffers[i])
				}
			}
			got, err := exprtest.Eval(values, y)
			if err != nil {
				t.Fatal(err)
			}
			g.compare(t, got[0], net.Features())
		})
	}
}

// compare checks the mean and the first five features of each image.
func (g golden) compare(t *testing.T, y []float32, features int) {
	t.Helper()
	var mean float64
	for _, v := range y {
		mean += float64(v) / float64(len(y))
	}
	if math.Abs(mean-g.Mean) > 1e-4*g.Mean {
		t.Errorf("mean %g, want %g", mean, g.Mean)
	}
	for i, want := range g.Head {
		got := float64(y[i/5*features+i%5])
		if math.Abs(got-want) > 2e-4*(1+math.Abs(want)) {
			t.Errorf("feature %d of image %d is %g, want %g", i%5, i/5, got, want)
		}
	}
}

// parameter fills p as the script does, in memory layout.
func parameter(t *testing.T, p nn.Param, torch []int) []float32 {
	t.Helper()
	if p.Layout == nn.Conv4 {
		if !slices.Equal([]int{p.Shape[3], p.Shape[2], p.Shape[0], p.Shape[1]}, torch) {
			t.Errorf("%s is %v, torchvision's %v", p.Name, p.Shape, torch)
		}
		return noise(p.Name, torch, 0.1, 0, 2, 3, 1, 0)
	}
	if !slices.Equal([]int(p.Shape), torch) {
		t.Errorf("%s is %v, torchvision's %v", p.Name, p.Shape, torch)
	}
	offset := 0.0
	if strings.HasSuffix(p.Name, "weight") {
		offset = 1
	}
	return noise(p.Name, torch, 0.1, offset, 0)
}

// noise is what the script's fill makes of a name, plus an offset, with the axes of a PyTorch tensor reordered.
func noise(name string, shape []int, scale, offset float64, order ...int) []float32 {
	strides := make([]int, len(shape))
	for i, stride := len(shape)-1, 1; i >= 0; i-- {
		strides[i], stride = stride, stride*shape[i]
	}
	start := crc32.ChecksumIEEE([]byte(name))
	var out []float32
	var walk func(axis, at int)
	walk = func(axis, at int) {
		if axis == len(order) {
			x := start + uint32(at)*2654435761
			for range 2 {
				x = (x>>16 ^ x) * 0x45D9F3B
			}
			x = x>>16 ^ x
			out = append(out, float32(offset+float64(float32((float64(x)/(1<<31)-1)*scale))))
			return
		}
		for i := range shape[order[axis]] {
			walk(axis+1, at+i*strides[order[axis]])
		}
	}
	walk(0, 0)
	return out
}

// TestProportions: the shapes inside each network, from its parameters, and its features.
func TestProportions(t *testing.T) {
	tests := []struct {
		name     string
		options  backbones.Options
		size     int
		features int
		params   map[string]string // some of them
	}{
		{"resnet-tiny", backbones.Options{}, 28, 512, map[string]string{
			"conv1.weight": "(3, 3, 1, 32)", "layer1.0.conv1.weight": "(3, 3, 32, 32)",
			"layer2.0.downsample.0.weight": "(1, 1, 32, 64)", "layer3.0.conv2.weight": "(3, 3, 128, 128)"}},
		{"resnet-tiny", backbones.Options{Widths: []int{8, 16, 24}, Pool: 1}, 28, 24, map[string]string{"layer3.0.conv1.weight": "(3, 3, 16, 24)"}},
		{"resnet10", backbones.Options{Widths: []int{4, 8, 16, 32}}, 16, 32, map[string]string{"conv1.weight": "(3, 3, 1, 4)"}},
		{"resnet18", backbones.Options{}, 64, 512, map[string]string{"conv1.weight": "(3, 3, 1, 64)"}},
		{"resnet18", backbones.Options{}, 65, 512, map[string]string{"conv1.weight": "(7, 7, 1, 64)"}},
		{"resnet18", backbones.Options{Stem: backbones.StridedStem, Pool: 2}, 32, 2048, map[string]string{"conv1.weight": "(3, 3, 1, 64)"}},
		{"resnet50", backbones.Options{}, 96, 2048, map[string]string{
			"layer1.0.downsample.0.weight": "(1, 1, 64, 256)", "layer4.2.conv3.weight": "(1, 1, 512, 2048)"}},
		{"mlp", backbones.Options{}, 28, 512, map[string]string{"0.weight": "(512, 784)", "3.weight": "(512, 512)", "4.bias": "(512)"}},
		{"mlp", backbones.Options{Widths: []int{7}}, 5, 7, map[string]string{"0.weight": "(7, 25)"}},
	}
	for _, tc := range tests {
		t.Run(fmt.Sprintf("%s/%+v/%d", tc.name, tc.options, tc.size), func(t *testing.T) {
			net, err := backbones.New(tc.name, tc.options)
			if err != nil {
				t.Fatal(err)
			}
			b := expr.New()
			store := nn.NewStore(b)
			y := net.Forward(store.Eval(), b.Input("pixels", 2, tc.size, tc.size, 1))
			if b.Err() != nil {
				t.Fatal(b.Err())
			}
			if net.Features() != tc.features || !slices.Equal(y.Shape(), expr.Shape{2, tc.features}) {
				t.Errorf("features %d and %v, want %d", net.Features(), y.Shape(), tc.features)
			}
			shapes := map[string]string{}
			for _, p := range store.Params() {
				shapes[p.Name] = fmt.Sprint(p.Shape)
			}
			for name, want := range tc.params {
				if shapes[name] != want {
					t.Errorf("%s is %q, want %s", name, shapes[name], want)
				}
			}
		})
	}
}

// TestZeroInit: only the last scale of each residual branch starts at 0, and only where it is asked for.
func TestZeroInit(t *testing.T) {
	for _, tc := range []struct{ name, norm string }{{"resnet50", "bn3.weight"}, {"resnet18", ""}} {
		net, err := backbones.New(tc.name, backbones.Options{})
		if err != nil {
			t.Fatal(err)
		}
		b := expr.New()
		store := nn.NewStore(b)
		net.Forward(store.Train(1), b.Input("pixels", 2, 32, 32, 3))
		for _, p := range store.Params() {
			if !strings.HasSuffix(p.Name, ".weight") || p.Layout != nn.Vector {
				continue
			}
			want := 1.0
			if tc.norm != "" && strings.HasSuffix(p.Name, tc.norm) {
				want = 0
			}
			if p.Init != (nn.Init{Dist: nn.Constant, Scale: want}) {
				t.Errorf("%s: %s starts at %v, want %g", tc.name, p.Name, p.Init, want)
			}
		}
	}
}

// TestNewRefuses what a backbone lacks.
func TestNewRefuses(t *testing.T) {
	for _, tc := range []struct {
		name    string
		options backbones.Options
		want    string
	}{
		{"vgg", backbones.Options{}, "there are resnet-tiny, resnet10"},
		{"resnet-tiny", backbones.Options{Widths: []int{1, 2}}, "2 widths for 3 stages"},
		{"resnet-tiny", backbones.Options{Widths: []int{1, 2, 0}}, "at least 1"},
		{"resnet-tiny", backbones.Options{Pool: -1}, "negative"},
		{"resnet18", backbones.Options{Stem: "patch"}, "unknown stem"},
		{"mlp", backbones.Options{Pool: 2}, "neither a pool nor a stem"},
		{"mlp", backbones.Options{Widths: []int{0}}, "at least 1"},
	} {
		if _, err := backbones.New(tc.name, tc.options); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %+v: error %v, want %q", tc.name, tc.options, err, tc.want)
		}
	}
}
