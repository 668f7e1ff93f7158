package config

import (
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/fault"
)

// plugged are the layers of a run whose backbone is a plugin with two hyper-parameters, one of a name that is a key too.
func plugged(set ...string) Layers {
	return Layers{
		Params:   map[string]any{"nu": 1.0},
		Backbone: map[string]any{"depth": 2, "lr": 0.5, "plugin": "0123abcd"},
		Set:      append([]string{"backbone=my-net"}, set...),
	}
}

func TestKeysOfABackbonesPlugin(t *testing.T) {
	for _, tc := range []struct{ set, key, want string }{
		{"nu=2", "backbone.depth", "2"}, // the default
		{"backbone.depth=5", "backbone.depth", "5"},
		{"depth=5", "backbone.depth", "5"},
		{"backbone.lr=0.25", "backbone.lr", "0.25"},
		{"lr=0.25", "optimizer.lr", "0.25"}, // a key comes before a backbone's hyper-parameter
		{"lr=0.25", "backbone.lr", "0.5"},
		{"depth=5", "backbone.plugin", "0123abcd"},
	} {
		r, err := Resolve(plugged(tc.set))
		if err != nil {
			t.Errorf("%s: %v", tc.set, err)
			continue
		}
		if got, _ := lookup(t, r, tc.key); got != tc.want {
			t.Errorf("%s: %s is %s, want %s", tc.set, tc.key, got, tc.want)
		}
	}
	for set, want := range map[string]string{
		"backbone.depht=1": "the nearest is backbone.depth",
		"backbone.depth=x": "backbone.depth wants a whole number",
		"depths=1":         "the nearest is backbone.depth",
	} {
		if _, err := Resolve(plugged(set)); fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", set, err, want)
		}
	}
}

// TestBackboneWithoutPlugin has no such keys, in its canonical form neither, so that hashes stay what they were.
func TestBackboneWithoutPlugin(t *testing.T) {
	l := Layers{Params: map[string]any{}, Backbone: map[string]any{}}
	r, err := Resolve(l)
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.Config().Marshal()
	if err != nil || strings.Contains(string(text), "plugin:") {
		t.Errorf("the canonical form names a plugin (%v):\n%s", err, text)
	}
	l.Set = []string{"backbone.depth=3"}
	if _, err := Resolve(l); err == nil || !strings.Contains(err.Error(), "unknown key backbone.depth") {
		t.Errorf("a key of no backbone: %v", err)
	}
}

// TestPluginIsInTheHash: another build, and other hyper-parameters, are another run; the canonical form leads back to the same.
func TestPluginIsInTheHash(t *testing.T) {
	hash := func(l Layers) string {
		t.Helper()
		r, err := Resolve(l)
		if err != nil {
			t.Fatal(err)
		}
		return r.Config().Hash()
	}
	other := plugged()
	other.Backbone["plugin"] = "4567"
	seen := map[string]bool{}
	for _, l := range []Layers{plugged(), other, plugged("depth=3"), plugged("backbone=resnet18")} {
		seen[hash(l)] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d hashes of four configurations", len(seen))
	}
	r, err := Resolve(plugged("depth=7"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.Config().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Resolve(Layers{File: writeFile(t, string(text))})
	if err != nil {
		t.Fatal(err)
	}
	if back.Config().Hash() != r.Config().Hash() {
		t.Errorf("read back: %+v, want %+v", back.Config().Backbone, r.Config().Backbone)
	}
}
