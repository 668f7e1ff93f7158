package wire_test

import (
	"bytes"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
	"github.com/sslctl/sslctl/sdk/wire/toproto"
)

// net is a small backbone with a parameter of each layout.
type net struct{}

func (net) Describe() method.Description { return method.Description{Name: "net"} }

func (net) Forward(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
	x = nn.BatchNorm(s.In("bn1"), nn.Conv2D(s.In("conv1"), x, 6, 3, 2, 1), true).ReLU()
	return nn.Linear(s.In("fc"), nn.Flatten(x), 5, true)
}

func network(t testing.TB) *backbone.Network {
	t.Helper()
	n, err := backbone.Trace(net{}, nil, backbone.Images{Size: 8, Channels: 3})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNetworkComesBack(t *testing.T) {
	all := map[string]backbone.Backbone{"net": net{}}
	for _, e := range backbones.List() {
		shipped, err := backbones.New(e.Name, backbones.Options{})
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name] = adapted{shipped}
	}
	for name, b := range all {
		want, err := backbone.Trace(b, nil, backbone.Images{Size: 16, Channels: 3})
		if err != nil {
			t.Fatal(err)
		}
		data, err := wire.MarshalNetwork(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.UnmarshalNetwork(data)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		same(t, got, want)
		again, err := wire.MarshalNetwork(got)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, data) {
			t.Errorf("%s: encoding what was decoded gives other bytes", name)
		}
	}
}

// adapted is a network of this repository as an author's.
type adapted struct{ net backbones.Backbone }

func (adapted) Describe() method.Description { return method.Description{Name: "shipped"} }

func (a adapted) Forward(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
	return a.net.Forward(s, x)
}

// TestRunKeepsItsNetwork: what a run folder holds has the network beside the objective, and one of a shipped backbone the
// bytes that it had before there were others.
func TestRunKeepsItsNetwork(t *testing.T) {
	want := traced(t, vicreg.Method{})
	plain, err := wire.MarshalTraced(want)
	if err != nil {
		t.Fatal(err)
	}
	want.Backbone = network(t)
	data, err := wire.MarshalTraced(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(data, plain) {
		t.Error("the network changes what is written of the objective")
	}
	got, err := wire.UnmarshalTraced(data)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
}

// TestBadNetworksAreRefused changes the answer of a backbone. Its inputs are images, conv1.weight, bn1.weight, bn1.bias,
// fc.weight and fc.bias; its steps conv2d, bn_stats, bn_apply, relu, reshape, matmul, broadcast and add.
func TestBadNetworksAreRefused(t *testing.T) {
	both := func(f func(*methodv1.Program)) func(*methodv1.Network) {
		return func(n *methodv1.Network) { f(n.Two); f(n.Three) }
	}
	for _, tc := range []struct {
		name string
		bend func(*methodv1.Network)
		want string
	}{
		{"no images", func(n *methodv1.Network) { n.Images = nil }, "images of 0 pixels"},
		{"channels out of range", func(n *methodv1.Network) { n.Images.Channels = 1 << 40 }, "channels: 1099511627776 is out of range"},
		{"for other images", func(n *methodv1.Network) { n.Images.Size++ }, "it takes images as (2, 8, 8, 3), they are (2, 9, 9, 3)"},
		{"one program", func(n *methodv1.Network) { n.Three = nil }, "network of 3 images: the program is missing"},
		{"an unknown op", both(func(p *methodv1.Program) { p.Steps[0].Op = "exec" }), `step 0: unknown op "exec"`},
		{"another op for three", func(n *methodv1.Network) { n.Three.Steps[3].Op = "abs" }, "step 3, relu: it is relu"},
		{"fewer steps for three", func(n *methodv1.Network) { n.Three.Steps = n.Three.Steps[:7]; n.Three.Outputs[0].Value-- }, "other steps for 3 images"},
		{"a wrong shape", func(n *methodv1.Network) { n.Two.Steps[3].Shape.Axes[3]++ }, "step 3: relu gives (2, 4, 4, 6), the program claims (2, 4, 4, 7)"},
		{"ops of the future", func(n *methodv1.Network) { n.Three.Version.OpSets[0].Version = expr.OpSet + 1 }, `needs op set "sslctl.core" version`},
		{"another input", both(func(p *methodv1.Program) { p.Inputs[0].Name = "labels" }), `are not "images"`},
		{"growing weights", func(n *methodv1.Network) { n.Three.Inputs[5].Shape.Axes[0]++ }, `parameter "fc.bias" is (5) for 2 images and (6) for 3`},
		{"huge weights", both(func(p *methodv1.Program) { p.Inputs[4].Shape.Axes[0] = 1 << 23 }), "more than 268435456 numbers"},
		{"a path for a name", func(n *methodv1.Network) {
			n.Parameters[0].Name, n.Two.Inputs[1].Name, n.Three.Inputs[1].Name = "../conv1", "../conv1", "../conv1"
		}, `parameter "../conv1": the name`},
		{"another name", func(n *methodv1.Network) { n.Parameters[0].Name = "conv2.weight" }, `its input 1 is "conv1.weight", not the parameter "conv2.weight"`},
		{"a lost parameter", func(n *methodv1.Network) { n.Parameters = n.Parameters[1:] }, "its 4 parameters"},
		{"an unknown layout", func(n *methodv1.Network) { n.Parameters[0].Layout = 9 }, `parameter "conv1.weight": unknown layout`},
		{"a wrong layout", func(n *methodv1.Network) { n.Parameters[0].Layout = methodv1.Layout_LAYOUT_LINEAR }, "does not have the layout"},
		{"wrong positions", func(n *methodv1.Network) { n.Parameters[3].Positions = 7 }, "7 positions of an image"},
		{"no distribution", func(n *methodv1.Network) { n.Parameters[0].Distribution = 0 }, "unknown distribution"},
		{"infinite weights", func(n *methodv1.Network) { n.Parameters[0].Scale = math.Inf(1) }, "scale +Inf"},
		{"a hidden norm", both(func(p *methodv1.Program) { p.Outputs = p.Outputs[:1] }), "use nn.BatchNorm"},
		{"a norm of groups", both(func(p *methodv1.Program) { *p.Steps[1].Attrs.Groups = 2 }), "bn_stats of 2 groups"},
		{"a norm of another name", both(func(p *methodv1.Program) { p.Outputs[1].Name = "stats.a b" }), `batch norm "a b"`},
		{"an output of another kind", both(func(p *methodv1.Program) { p.Outputs[1].Value++ }), "is not the statistics of a batch norm"},
		{"images for representations", both(func(p *methodv1.Program) { p.Outputs[0].Value = 0 }), "representations are [2, features]"},
		{"no output", both(func(p *methodv1.Program) { p.Outputs = nil }), "without an output"},
		{"a custom op", both(func(p *methodv1.Program) {
			name := "mine"
			p.Steps[3].Op, p.Steps[3].Attrs.Custom = "custom", &name
			p.Version.OpSets = append(p.Version.OpSets, &methodv1.OpSet{Domain: "sslctl.custom", Version: 1})
		}), "a backbone has no custom ops"},
	} {
		m := toproto.Network(network(t))
		tc.bend(m)
		data, err := proto.Marshal(&methodv1.Traced{Network: m})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.UnmarshalNetwork(data); !matches(err, tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
	if _, err := wire.UnmarshalNetwork(nil); !matches(err, "the network is missing") {
		t.Errorf("nothing: %v", err)
	}
}

// FuzzNetwork gives encoded networks of all sorts to the reader: none may panic, and one that is accepted can be applied to
// more images, in training and in evaluation.
//
//	go test -run xxx -fuzz FuzzNetwork -fuzztime 100s -fuzzminimizetime 1x ./sdk/wire
func FuzzNetwork(f *testing.F) {
	data, err := wire.MarshalNetwork(network(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := wire.UnmarshalNetwork(data)
		if err != nil || len(n.Two.Steps) > 300 {
			return
		}
		for _, scope := range []func(*nn.Store) nn.Scope{func(s *nn.Store) nn.Scope { return s.Train(2) }, (*nn.Store).Eval} {
			b := expr.New()
			y := n.Forward(scope(nn.NewStore(b)).In("backbone"), b.Input("images", 4, n.Images.Size, n.Images.Size, n.Images.Channels))
			if b.Err() == nil && (y.Dim(0) != 4 || y.Dim(1) != n.Features()) {
				t.Fatalf("accepted, and gives %v of 4 images:\n%v", y.Shape(), n.Two)
			}
		}
	})
}
