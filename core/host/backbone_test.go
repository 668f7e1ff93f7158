//go:build unix

package host_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/wire"
)

// newBackboneStage is a stage whose plugins are backbones; "taken" is the name of one that needs no plugin.
func newBackboneStage(t *testing.T, o host.Options, foreign ...string) stage {
	t.Helper()
	o.Taken = map[wire.Kind][]string{wire.Backbone: {"taken"}}
	s := newStageWith(t, o)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range foreign {
		if err := os.Symlink(self, filepath.Join(s.dir, "sslctl-backbone-"+name)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s stage) traceBackbone(t *testing.T, name string, params map[string]any) (*backbone.Network, host.Provenance, error) {
	t.Helper()
	ref, err := s.Find(wire.Backbone, name)
	if err != nil {
		t.Fatal(err)
	}
	return s.TraceBackbone(t.Context(), ref, params, gray)
}

func TestBackboneIsTheSameOverTheWire(t *testing.T) {
	s := newBackboneStage(t, host.Options{}, "good")
	want, err := backbone.Trace(net{}, map[string]any{"width": 7}, gray)
	if err != nil {
		t.Fatal(err)
	}
	got, p, err := s.traceBackbone(t, "good", map[string]any{"width": 7})
	if err != nil {
		t.Fatal(err)
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
		t.Errorf("over the wire\n%v, want\n%v", got, want)
	}
	if p.Kind != wire.Backbone || p.Name != "good" || p.Version != "1.2.3" || p.SHA256 == "" || p.Protocol != 1 {
		t.Errorf("provenance %+v", p)
	}
	if _, _, err := s.traceBackbone(t, "good", map[string]any{"width": 65}); fault.CodeOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "sslctl backbone describe good") {
		t.Errorf("a forbidden value: %v (%s)", err, fault.HintOf(err))
	}
}

// TestMisbehavingBackbones: whatever a backbone's plugin does is its fault, says what it did and leaves nothing.
func TestMisbehavingBackbones(t *testing.T) {
	for _, tc := range []struct {
		name string
		want string // in the error
	}{
		{"other-name", `calls itself backbone "somebody-else"`},
		{"method-inside", `calls itself method "method-inside"`},
		{"panic-trace", "panicked: cannot trace"},
		{"hang-trace", "did not answer"},
		{"huge", "too large"},
		{"many-steps", "MiB of memory"},
		{"not-protobuf", "decode"},
		{"empty", "the network is missing"},
		{"wrong-shape", "step 3: relu gives (2, 4, 4, 6), the program claims (2, 4, 4, 7)"},
		{"wrong-images", "it takes images as (2, 8, 8, 1), they are (2, 7, 7, 1)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var o host.Options
			if tc.name == "hang-trace" {
				o.TraceTimeout = time.Second
			}
			s := newBackboneStage(t, o, tc.name)
			noFileStays(t)
			for range *chaos {
				_, _, err := s.traceBackbone(t, tc.name, nil)
				if fault.CodeOf(err) != fault.Plugin || !strings.Contains(err.Error(), tc.want) {
					t.Fatalf("%v has code %d, want %q", err, fault.CodeOf(err), tc.want)
				}
			}
		})
	}
}

// TestNameOfABackboneThatNeedsNoPlugin cannot be a plugin's: neither found, nor listed as usable, nor identified for an
// installation.
func TestNameOfABackboneThatNeedsNoPlugin(t *testing.T) {
	s := newBackboneStage(t, host.Options{}, "taken", "good")
	const want = `has the name of a backbone that is part of sslctl`
	if _, err := s.Find(wire.Backbone, "taken"); fault.CodeOf(err) != fault.Plugin || !strings.Contains(err.Error(), want) {
		t.Errorf("found: %v", err)
	}
	if err := s.Clash(wire.Backbone, "taken"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("no clash: %v", err)
	}
	if err := s.Clash(wire.Backbone, "good"); err != nil {
		t.Errorf("a clash: %v", err)
	}
	if _, err := s.Identify(t.Context(), filepath.Join(s.dir, "sslctl-backbone-taken")); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("identified: %v", err)
	}
	all, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]host.State{}
	for _, l := range all {
		if l.Ref.Kind == wire.Backbone {
			states[l.Ref.Name] = l.State()
		}
	}
	if len(states) != 2 || states["taken"] != host.Broken || states["good"] != host.NotPinned {
		t.Errorf("listed as %v", states)
	}
	if _, err := s.Find(wire.Backbone, "takn"); !strings.Contains(fault.HintOf(err), `did you mean "taken"`) {
		t.Errorf("an unknown name: %v (%s)", err, fault.HintOf(err))
	}
}
