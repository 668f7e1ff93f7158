package backbone_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
)

// author is a backbone whose network a test chooses.
type author func(s nn.Scope, x expr.Tensor, h method.Values) expr.Tensor

func (author) Describe() method.Description {
	return method.Description{Name: "author", Version: "1.0.0", Params: []method.Param{method.Int("width", 4, "of the representation").AtLeast(1)}}
}

func (a author) Forward(s nn.Scope, x expr.Tensor, h method.Values) expr.Tensor { return a(s, x, h) }

// shipped writes a network of this repository as a plugin's author would.
func shipped(t *testing.T, name string, o backbones.Options) author {
	t.Helper()
	net, err := backbones.New(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor { return net.Forward(s, x) }
}

var gray = backbone.Images{Size: 16, Channels: 1}

// applied is the graph of a network of some images in a scope, as a program, and the store that it asked.
func applied(t *testing.T, images int, scope func(*nn.Store) nn.Scope, forward func(nn.Scope, expr.Tensor) expr.Tensor) (*expr.Program, *nn.Store) {
	t.Helper()
	b := expr.New()
	store := nn.NewStore(b)
	y := forward(scope(store), b.Input("pixels", images, gray.Size, gray.Size, gray.Channels))
	p, err := b.Program(expr.Named{Name: "y", Value: y})
	if err != nil {
		t.Fatal(err)
	}
	return p, store
}

// TestNetworkIsTheBackbone applies networks that were written down where the backbone itself is applied: for other numbers of
// images, with batch norm by groups, in evaluation, frozen below a name. Graph, parameters and buffers are the same.
func TestNetworkIsTheBackbone(t *testing.T) {
	scopes := map[string]func(*nn.Store) nn.Scope{
		"one view":   func(s *nn.Store) nn.Scope { return s.Train(1) },
		"two views":  func(s *nn.Store) nn.Scope { return s.Train(2).In("backbone") },
		"target":     func(s *nn.Store) nn.Scope { return s.Train(3).In("target").Frozen().In("backbone") },
		"evaluation": func(s *nn.Store) nn.Scope { return s.Eval().In("backbone") },
	}
	for _, e := range backbones.List() {
		a := shipped(t, e.Name, backbones.Options{})
		net, err := backbone.Trace(a, nil, gray)
		if err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		for name, scope := range scopes {
			want, asked := applied(t, 12, scope, func(s nn.Scope, x expr.Tensor) expr.Tensor { return a(s, x, nil) })
			got, store := applied(t, 12, scope, net.Forward)
			if sorted(got) != sorted(want) {
				t.Errorf("%s, %s: another graph", e.Name, name)
			}
			if got.Steps[len(got.Steps)-1].Shape[1] != net.Features() {
				t.Errorf("%s: %d features", e.Name, net.Features())
			}
			if g, w := parameters(store), parameters(asked); !slices.Equal(g, w) {
				t.Errorf("%s, %s: parameters\n%v, want\n%v", e.Name, name, g, w)
			}
			if g, w := buffers(store), buffers(asked); !slices.Equal(g, w) {
				t.Errorf("%s, %s: buffers\n%v, want\n%v", e.Name, name, g, w)
			}
		}
	}
}

// sorted is a program in which only the order of the inputs that batch norm reads does not count.
func sorted(p *expr.Program) string {
	name := map[int]string{}
	for i, port := range p.Inputs {
		name[i] = fmt.Sprint(port)
	}
	for i, step := range p.Steps {
		operands := make([]string, len(step.In))
		for j, at := range step.In {
			operands[j] = name[at]
		}
		full := fmt.Sprint(step.Kind, step.Attrs, step.Shape, operands)
		name[len(p.Inputs)+i] = fmt.Sprintf("%s#%08x", step.Kind, digest(full))
	}
	return name[p.Outputs[0].Value]
}

func digest(s string) (h uint64) {
	for _, c := range []byte(s) {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	return h
}

func parameters(s *nn.Store) (out []string) {
	for _, p := range s.Params() {
		out = append(out, fmt.Sprint(p.Name, p.Shape, p.Layout, p.Positions, p.Init, p.Frozen))
	}
	return out
}

func buffers(s *nn.Store) (out []string) {
	for _, u := range s.Buffers() {
		stats := expr.Shape(nil)
		if u.Stats.Node() != nil {
			stats = u.Stats.Shape()
		}
		out = append(out, fmt.Sprint(u.Name, u.Shape, u.Init, u.Row, u.Rows, stats))
	}
	slices.Sort(out)
	return out
}

func TestTraceRefuses(t *testing.T) {
	flat := func(s nn.Scope, x expr.Tensor) expr.Tensor { return nn.Linear(s.In("fc"), nn.Flatten(x), 4, true) }
	for _, tc := range []struct {
		name string
		a    author
		want string
	}{
		{"a panic", func(nn.Scope, expr.Tensor, method.Values) expr.Tensor { panic("no network") }, "the backbone panicked: no network"},
		{"an unknown hyper-parameter", func(s nn.Scope, x expr.Tensor, h method.Values) expr.Tensor {
			return nn.Linear(s, nn.Flatten(x), h.Int("depth"), true)
		}, `hyper-parameter "depth"`},
		{"images for representations", func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor { return nn.Conv2D(s, x, 4, 3, 1, 1) }, "representations are [2, features]"},
		{"the images themselves", func(_ nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor { return x }, "representations are"},
		{"a row for all images", func(_ nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			return nn.Flatten(x).SumKeep(0)
		}, "it gives (1, 256)"},
		{"a mean over the batch", func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			y := flat(s, x)
			return y.Sub(y.MeanKeep(0))
		}, "only shapes may depend on their number"},
		{"layers by the number of images", func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			y := flat(s, x)
			if x.Dim(0) > 5 {
				y = y.ReLU()
			}
			return y
		}, "another network for 7 images"},
		{"parameters by the number of images", func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			return nn.Flatten(x).Mul(s.Param("w", nn.Vector, nn.Init{}, x.Dim(0), 1))
		}, `parameter "w" is (2, 1) for 2 images and (3, 1) for 3`},
		{"more parameters for more images", func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			y := nn.Flatten(x)
			for i := range x.Dim(0) {
				y = nn.Linear(s.In(fmt.Sprint(i)), y, 3, false)
			}
			return y
		}, "other parameters for 3 images"},
		{"batch statistics of its own", func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			y := flat(s, x)
			b := x.Builder()
			return b.Apply(expr.BNApply, expr.Attrs{Groups: 1, Eps: 1}, y, b.Apply(expr.BNStats, expr.Attrs{Groups: 1}, y))
		}, "use nn.BatchNorm"},
		{"reads batch statistics", func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			y := flat(s, x)
			return y.Add(nn.Statistics(s.In("bn"), y).Slice(1, 0, 1).Reshape(1, 4))
		}, "slice reads the statistics"},
		{"a custom op", func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			return x.Builder().Custom(double{}, flat(s, x)).At(0)
		}, "custom ops"},
		{"a name of another tree", func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			return nn.Linear(s.In("a/b"), nn.Flatten(x), 4, false)
		}, `parameter "a/b.weight": the name`},
		{"the name of a running statistic", func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			return flat(s, x).Add(s.Param("bn.running_var", nn.Vector, nn.Init{}, 4))
		}, "that of a running statistic"},
		{"shapes that do not fit", func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor { return x.MatMul(x) }, "backbone_test.go"},
	} {
		if _, err := backbone.Trace(tc.a, nil, gray); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
	if _, err := backbone.Trace(shipped(t, "mlp", backbones.Options{}), map[string]any{"width": 0}, gray); err == nil || !strings.Contains(err.Error(), "below 1") {
		t.Errorf("a forbidden value: %v", err)
	}
	if _, err := backbone.Trace(shipped(t, "mlp", backbones.Options{}), nil, backbone.Images{Size: backbone.MaxSize + 1, Channels: 3}); err == nil {
		t.Error("images of any size")
	}
}

// double is a custom op.
type double struct{}

func (double) Name() string                                 { return "double" }
func (double) Shapes(in []expr.Shape) ([]expr.Shape, error) { return in, nil }
func (double) Forward(_, _ []expr.Array) error              { return nil }
func (double) Backward(_, _, _, _ []expr.Array) error       { return nil }
