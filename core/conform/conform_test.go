//go:build unix

package conform_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/conform"
	"github.com/sslctl/sslctl/core/data/datatest"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/plugins"
	"github.com/sslctl/sslctl/sdk/sdktest"
	"github.com/sslctl/sslctl/sdk/wire"
)

// newHost is a host with foreign plugins, named as files are, and a folder for temporary files that must be empty in the end.
func newHost(t *testing.T, foreign ...string) *host.Host {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, temporary := t.TempDir(), t.TempDir()
	for _, name := range foreign {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for key, value := range map[string]string{"XDG_DATA_HOME": t.TempDir(), "TMPDIR": temporary, host.PathKey: ""} {
		t.Setenv(key, value)
	}
	h := host.New(host.Options{PluginDirs: []string{dir}, Self: self, Shipped: plugins.Shipped()})
	t.Cleanup(func() {
		h.Close()
		left, err := os.ReadDir(temporary)
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v (%v)", left, err)
		}
	})
	return h
}

func check(t *testing.T, h *host.Host, kind wire.Kind, name string, o conform.Options) map[string]sdktest.Result {
	t.Helper()
	ref, err := h.Find(kind, name)
	if err != nil {
		t.Fatal(err)
	}
	o.Host, o.Log = h, zap.NewNop()
	results, err := conform.Check(t.Context(), ref, o)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]sdktest.Result{}
	for _, r := range results {
		if _, twice := out[r.Check]; twice {
			t.Errorf("%q is checked twice", r.Check)
		}
		out[r.Check] = r
	}
	return out
}

// TestGoodPluginsPass: each kind of plugin, shipped and foreign, passes every check through its process, and is trained with
// the shipped half that it lacks.
func TestGoodPluginsPass(t *testing.T) {
	h := newHost(t, "sslctl-method-mine", "sslctl-backbone-mine")
	data := t.TempDir()
	datatest.Bars(t, data, 128, 40)
	for _, tc := range []struct {
		kind wire.Kind
		name string
	}{{wire.Method, "mine"}, {wire.Regulariser, "var"}, {wire.Backbone, "mine"}} {
		results := check(t, h, tc.kind, tc.name, conform.Options{Data: "mnist", Dir: data, Steps: 2})
		for name, r := range results {
			if r.Status == sdktest.Failed {
				t.Errorf("%s %s: %s %s", tc.kind, tc.name, name, r)
			}
		}
		trained := results["training"]
		if !strings.HasPrefix(trained.Says, "2 steps of 64 images of mnist, loss ") || !strings.Contains(trained.Says, "verdict on collapse: ") || trained.Took == 0 {
			t.Errorf("%s %s: training %+v", tc.kind, tc.name, trained)
		}
	}
}

// TestFaultsAreFound: what is wrong with a plugin fails the checks for it and no other, and without steps nothing is trained.
func TestFaultsAreFound(t *testing.T) {
	h := newHost(t, "sslctl-method-order", "sslctl-backbone-mixes")
	for _, tc := range []struct {
		kind  wire.Kind
		name  string
		fails []string
	}{{wire.Method, "order", []string{"permutation"}}, {wire.Backbone, "mixes", []string{"views", "images apart", "NaN images"}}} {
		results := check(t, h, tc.kind, tc.name, conform.Options{})
		if _, trained := results["training"]; trained {
			t.Errorf("%s was trained", tc.name)
		}
		for name, r := range results {
			if failed := r.Status == sdktest.Failed; failed != slices.Contains(tc.fails, name) {
				t.Errorf("%s: %s %s %s", tc.name, name, r.Status, r)
			}
		}
	}
}

// TestTrainingWithoutImages is a warning, since the plugin is not at fault.
func TestTrainingWithoutImages(t *testing.T) {
	h := newHost(t, "sslctl-backbone-mine")
	r := check(t, h, wire.Backbone, "mine", conform.Options{Data: filepath.Join(t.TempDir(), "nowhere"), Steps: 2})["training"]
	if r.Status != sdktest.Warned || !strings.Contains(r.Says, "not trained, for want of images") {
		t.Errorf("%s %s", r.Status, r)
	}
}

// TestMissingPlugin: what is not there fails every check, the training among them.
func TestMissingPlugin(t *testing.T) {
	h := newHost(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	datatest.Bars(t, data, 128, 40)
	ref := host.Ref{Kind: wire.Method, Name: "gone", Path: filepath.Join(filepath.Dir(self), "sslctl-method-gone")}
	results, err := conform.Check(t.Context(), ref, conform.Options{Host: h, Log: zap.NewNop(), Data: "mnist", Dir: data, Steps: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Status != sdktest.Failed {
			t.Errorf("a plugin that is not there: %s %s", r.Status, r)
		}
	}
}

// TestEndsWithItsContext: what was checked so far comes with the reason.
func TestEndsWithItsContext(t *testing.T) {
	h := newHost(t)
	ref, err := h.Find(wire.Method, "vicreg")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	results, err := conform.Check(ctx, ref, conform.Options{Host: h, Log: zap.NewNop(), Steps: 2})
	if !errors.Is(err, context.Canceled) || len(results) > 0 {
		t.Errorf("%d results, %v", len(results), err)
	}
}
