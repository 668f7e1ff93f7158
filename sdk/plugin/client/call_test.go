//go:build unix

package client

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin"
)

// swap is a custom op of two tensors that costs nothing but the way there and back: its outputs are its inputs swapped.
type swap struct{}

func (swap) Name() string { return "swap" }

func (swap) Shapes(in []expr.Shape) ([]expr.Shape, error) { return []expr.Shape{in[1], in[0]}, nil }

func (swap) Forward(in, out []expr.Array) error {
	copy(out[0].Data, in[1].Data)
	copy(out[1].Data, in[0].Data)
	return nil
}

func (swap) Backward(_, _, grad, into []expr.Array) error {
	copy(into[0].Data, grad[1].Data)
	copy(into[1].Data, grad[0].Data)
	return nil
}

type swapper struct{}

func (swapper) Describe() method.Description {
	return method.Description{Name: "swap", Version: "1.0.0"}
}

func (swapper) Recipe(method.Values) method.Recipe {
	return method.Recipe{Projector: method.Head{{Width: 4}}}
}

func (swapper) Objective(e method.Embeddings, _ method.Values) method.Loss {
	out := e.Z(0).Builder().Custom(swap{}, e.Z(0), e.Z(1))
	return method.Sum(method.Term("distance", 1, out.At(0).MSE(out.At(1).Square())))
}

// serveRequested lets this binary be the plugin that the tests start.
func serveRequested() bool {
	if os.Getenv("SSLCTL_PLUGIN_COOKIE") == "" {
		return false
	}
	plugin.Serve(swapper{})
	return true
}

// opened is a running plugin with its op, through memory for so many numbers or, of none, through messages.
func opened(t testing.TB, s method.Shapes, floats int) expr.Code {
	t.Helper()
	c, err := Start(t.Context(), Config{Path: os.Args[0], Floats: floats, Env: []string{"PATH=" + os.Getenv("PATH")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.Open(t.Context(), t.Context(), nil, s, false, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	return c.Code("swap")
}

// need is the memory for one call on embeddings of two views.
func need(t testing.TB, s method.Shapes) int {
	t.Helper()
	traced, err := method.Trace(swapper{}, nil, s)
	if err != nil {
		t.Fatal(err)
	}
	n, err := Floats(traced.Program)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFloats(t *testing.T) {
	s := method.Shapes{Batch: 6, Views: 2, Embedding: 5}
	if got := need(t, s); got != 8*6*5 { // inputs, outputs, gradients of both
		t.Errorf("%d numbers", got)
	}
	plain, err := method.Trace(plainly{}, nil, s)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := Floats(plain.Program); n != 0 || err != nil {
		t.Errorf("%d numbers without custom ops, %v", n, err)
	}
}

type plainly struct{ swapper }

func (plainly) Objective(e method.Embeddings, _ method.Values) method.Loss {
	return method.Sum(method.Term("distance", 1, e.Z(0).MSE(e.Z(1))))
}

// TestBothWaysGiveTheSame passes tensors of unequal sizes forward and backward.
func TestBothWaysGiveTheSame(t *testing.T) {
	s := method.Shapes{Batch: 6, Views: 2, Embedding: 5}
	shapes := []expr.Shape{{6, 5}, {3}}
	in := [][]float32{make([]float32, 30), {7, 8, 9}}
	in[0][29] = 1.5
	grad := slices.Repeat([]float32{0.25}, 33)
	grad[0], grad[32] = -1, 2
	for name, floats := range map[string]int{"shared": need(t, s), "inline": 0} {
		op := opened(t, s, floats)
		for range 2 {
			out, into := make([]float32, 33), make([]float32, 33)
			if err := op.Forward(shapes, in, out); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !slices.Equal(out, append(slices.Clone(in[1]), in[0]...)) {
				t.Errorf("%s: forward %v", name, out)
			}
			if err := op.Backward(shapes, in, out, grad, into); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if !slices.Equal(into, append(slices.Clone(grad[3:]), grad[:3]...)) {
				t.Errorf("%s: backward %v", name, into)
			}
		}
		err := op.Forward(shapes, in, make([]float32, 32))
		if err == nil || !strings.Contains(err.Error(), "32 elements for outputs of 33") {
			t.Errorf("%s: too few outputs: %v", name, err)
		}
	}
}

func TestCallsThatCannotBe(t *testing.T) {
	s := method.Shapes{Batch: 6, Views: 2, Embedding: 5}
	large := []expr.Shape{{9 << 20}, {9 << 20}}
	in := [][]float32{make([]float32, 9<<20), make([]float32, 9<<20)}
	for floats, want := range map[int]string{need(t, s): "more than the 240 numbers of shared memory", 0: "do not fit into a message"} {
		err := opened(t, s, floats).Forward(large, in, make([]float32, 18<<20))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	c, err := Start(t.Context(), Config{Path: os.Args[0]})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Code("swap").Forward(nil, nil, make([]float32, 1)); err == nil || !strings.Contains(err.Error(), "not opened") {
		t.Error(err)
	}
	if _, err := c.Open(t.Context(), context.Background(), nil, s, false, time.Second); err != nil {
		t.Fatal(err)
	}
	if err := c.Code("other").Forward([]expr.Shape{{1}}, [][]float32{{1}}, make([]float32, 1)); err == nil || !strings.Contains(err.Error(), `no custom op "other"`) {
		t.Error(err)
	}
}

// BenchmarkCall is the price of a call, without what the op itself computes: a pass forward and one backward over two
// embeddings of 256 x 512, through shared memory and through messages.
func BenchmarkCall(b *testing.B) {
	for _, d := range []int{128, 512, 2048} {
		s := method.Shapes{Batch: 256, Views: 2, Embedding: d}
		for _, way := range []string{"shared", "inline"} {
			b.Run(fmt.Sprintf("256x%d/%s", d, way), func(b *testing.B) {
				floats := 0
				if way == "shared" {
					floats = need(b, s)
				}
				op := opened(b, s, floats)
				shapes := []expr.Shape{{256, d}, {256, d}}
				in := [][]float32{make([]float32, 256*d), make([]float32, 256*d)}
				out, grad, into := make([]float32, 512*d), make([]float32, 512*d), make([]float32, 512*d)
				b.ReportAllocs()
				for b.Loop() {
					if err := op.Forward(shapes, in, out); err != nil {
						b.Fatal(err)
					}
					if err := op.Backward(shapes, in, out, grad, into); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
