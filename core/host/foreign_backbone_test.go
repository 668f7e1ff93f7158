//go:build unix

package host_test

import (
	"context"
	"time"

	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
	"github.com/sslctl/sslctl/sdk/wire/toproto"
)

// net is a backbone that works; forward breaks it.
type net struct {
	name    string
	forward func()
}

func (n net) Describe() method.Description {
	return method.Description{Name: n.name, Version: "1.2.3", Params: []method.Param{method.Int("width", 6, "channels").AtLeast(1).AtMost(64)}}
}

func (n net) Forward(s nn.Scope, x expr.Tensor, h method.Values) expr.Tensor {
	if n.forward != nil {
		n.forward()
	}
	x = nn.BatchNorm(s.In("bn1"), nn.Conv2D(s.In("conv1"), x, h.Int("width"), 3, 2, 1), true).ReLU()
	return nn.Linear(s.In("fc"), nn.Flatten(x), 5, true)
}

var gray = backbone.Images{Size: 8, Channels: 1}

// foreignBackbone is what a backbone's plugin of the given name does.
func foreignBackbone(name string) {
	n := net{name: name}
	switch name {
	case "good", "taken":
	case "other-name":
		n.name = "somebody-else"
	case "panic-trace":
		n.forward = func() { panic("cannot trace") }
	case "hang-trace":
		n.forward = func() { time.Sleep(time.Minute) }
	default:
		serveRaw("SSLCTL_PLUGIN_COOKIE", 1, lyingNet{name: name, lie: networkLies()[name]})
		return
	}
	plugin.ServeBackbone(n)
}

// lyingNet answers with a network that a lie has changed.
type lyingNet struct {
	methodv1.UnimplementedPluginServiceServer
	name string
	lie  func(*methodv1.Traced) []byte
}

func (l lyingNet) Describe(context.Context, *methodv1.DescribeRequest) (*methodv1.DescribeResponse, error) {
	kind := methodv1.Kind_KIND_BACKBONE
	if l.name == "method-inside" {
		kind = methodv1.Kind_KIND_METHOD
	}
	return &methodv1.DescribeResponse{Kind: kind, Description: &methodv1.Description{Name: l.name}}, nil
}

func (l lyingNet) Trace(_ context.Context, m *methodv1.TraceRequest) (*methodv1.TraceResponse, error) {
	n, err := backbone.Trace(net{}, nil, backbone.Images{Size: int(m.GetImages().GetSize()), Channels: int(m.GetImages().GetChannels())})
	if err != nil {
		return nil, err
	}
	return &methodv1.TraceResponse{Traced: l.lie(&methodv1.Traced{Network: toproto.Network(n)})}, nil
}

// networkLies are the networks that a host must refuse, by the name of the plugin that tells them; sdk/wire knows more.
func networkLies() map[string]func(*methodv1.Traced) []byte {
	change := func(f func(*methodv1.Network)) func(*methodv1.Traced) []byte {
		return func(t *methodv1.Traced) []byte {
			f(t.Network)
			return encoded(t)
		}
	}
	return map[string]func(*methodv1.Traced) []byte{
		"method-inside": change(func(*methodv1.Network) {}),
		"huge":          func(*methodv1.Traced) []byte { return make([]byte, 65<<20) },
		"many-steps":    func(*methodv1.Traced) []byte { return inflated() },
		"not-protobuf":  func(*methodv1.Traced) []byte { return []byte("hello") },
		"empty":         func(*methodv1.Traced) []byte { return nil },
		"wrong-shape":   change(func(n *methodv1.Network) { n.Two.Steps[3].Shape.Axes[3]++ }),
		"wrong-images":  change(func(n *methodv1.Network) { n.Images.Size-- }),
	}
}
