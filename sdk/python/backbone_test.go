//go:build unix

package python_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
)

// shipped is a network of this repository as an author in Go writes it.
type shipped struct{ net backbones.Backbone }

func (shipped) Describe() method.Description { return method.Description{Name: "shipped"} }

func (b shipped) Forward(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
	return b.net.Forward(s, x)
}

// TestBackbonesTraceTheSameBytesAsGos: a network in Python is Go's in every op, parameter and batch norm.
func TestBackbonesTraceTheSameBytesAsGos(t *testing.T) {
	c := startKind(t, wire.Backbone, "resnet", nil)
	kind, d, err := c.Describe(t.Context())
	if err != nil || kind != wire.Backbone || d.Name != "resnet" {
		t.Fatalf("%s %q (%v)", kind, d.Name, err)
	}
	for _, tc := range []struct {
		name   string
		images backbone.Images
	}{
		{"resnet-tiny", backbone.Images{Size: 28, Channels: 1}},
		{"mlp", backbone.Images{Size: 11, Channels: 3}},
		{"resnet50", backbone.Images{Size: 97, Channels: 3}},
	} {
		net, err := backbones.New(tc.name, backbones.Options{})
		if err != nil {
			t.Fatal(err)
		}
		want, err := backbone.Trace(shipped{net}, nil, tc.images)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.TraceBackbone(t.Context(), map[string]any{"net": tc.name}, tc.images)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		wantBytes, err := wire.MarshalNetwork(want)
		if err != nil {
			t.Fatal(err)
		}
		gotBytes, err := wire.MarshalNetwork(got)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(gotBytes, wantBytes) {
			t.Errorf("%s: the networks differ\nwant %+v\n%sgot %+v\n%s", tc.name, want.Params, want.Two, got.Params, got.Two)
		}
	}
	if _, err := c.TraceBackbone(t.Context(), map[string]any{"net": "broken"}, backbone.Images{Size: 8, Channels: 1}); err == nil || !strings.Contains(err.Error(), "only shapes may depend on their number") {
		t.Errorf("a mean over the images: %v", err)
	}
}
