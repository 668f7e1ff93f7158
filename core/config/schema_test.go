package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/sdk/method"
)

// TestViewIsTheMethodsView holds the promise that the two convert into each other.
func TestViewIsTheMethodsView(t *testing.T) {
	v := Default().Augment.Views[0]
	if back := View(method.View(v)); back != v {
		t.Errorf("%+v came back as %+v", v, back)
	}
}

func TestKeys(t *testing.T) {
	excluded := []string{
		"preset", "data.dir", "train.workers", "train.views", "checkpoint.every_steps", "checkpoint.every_minutes", "checkpoint.keep",
		"threads", "log_level", "quiet", "progress", "out",
	}
	var unhashed []string
	for _, k := range Keys() {
		if k.Help == "" || k.Type == free.String() {
			t.Errorf("%s has type %q and help %q", k.Name, k.Type, k.Help)
		}
		if !k.Hashed {
			unhashed = append(unhashed, k.Name)
		}
		if len(k.Choices) > 0 && !slices.Contains(k.Choices, k.Default) {
			t.Errorf("default %q of %s is none of %v", k.Default, k.Name, k.Choices)
		}
		if k.Default == "" && !strings.Contains(k.Name, "*") && k.Name != "backbone.plugin" {
			t.Errorf("%s has no default", k.Name)
		}
	}
	if !reflect.DeepEqual(unhashed, excluded) {
		t.Errorf("keys outside the hash: %v, want %v", unhashed, excluded)
	}
}

// TestDefaultsAreLegal resolves nothing but the built-in layer.
func TestDefaultsAreLegal(t *testing.T) {
	r, err := Resolve(Layers{})
	if err != nil {
		t.Fatal(err)
	}
	if d := Diff(Default(), r.Config()); d != nil {
		t.Errorf("the lowest layer alone changes %v", d)
	}
}
