package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sample is a configuration with every shape of value in it.
func sample(t *testing.T) *Resolved {
	t.Helper()
	l := vicreg()
	l.Flags = map[string]any{"method": "vicreg", "data.name": "fashion-mnist", "reg.cov": 0.01, "reg.var.gamma": 1.0}
	l.Set = []string{"widths=32,64,128", "fixed_lr=predictor,true", "seed=18446744073709551615", "augment.views.1.solarize=0.1", "data.dir=on", "precision=fp32"}
	r, err := Resolve(l)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestGolden keeps the canonical form and its hash: a change of either breaks the identity of stored runs, so it must be
// meant, and hashVersion raised.
func TestGolden(t *testing.T) {
	c := sample(t).Config()
	got, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "sample.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
	hash, err := os.ReadFile(filepath.Join("testdata", "sample.sha256"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Hash() != strings.TrimSpace(string(hash)) {
		t.Errorf("hash is %s, want %s", c.Hash(), hash)
	}
}

// TestRoundTrip gives a run's config.yaml back as the file, with the method's defaults and without.
func TestRoundTrip(t *testing.T) {
	first := sample(t).Config()
	data, err := first.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	l := vicreg()
	l.File = writeFile(t, string(data))
	r, err := Resolve(l)
	if err != nil {
		t.Fatal(err)
	}
	if d := Diff(first, r.Config()); d != nil || r.Config().Hash() != first.Hash() {
		t.Errorf("the configuration came back changed: %v", d)
	}
	if diff := cmp.Diff(first.Params, r.Config().Params); diff != "" {
		t.Errorf("types of hyper-parameters changed: %s", diff)
	}
	read, err := Read(l.File)
	if err != nil {
		t.Fatal(err)
	}
	if d := Diff(first, read); d != nil || read.Hash() != first.Hash() {
		t.Errorf("Read gives a changed configuration: %v", d)
	}
}

func TestDiff(t *testing.T) {
	a := sample(t).Config()
	b := a.Clone()
	b.Train.Epochs = 7
	b.Params["mu"] = 2.5
	delete(b.Params, "nu")
	b.Params["phi"] = "x"
	b.Augment.Views = b.Augment.Views[:1]
	got := Diff(a, b)
	var keys []string
	for _, d := range got {
		keys = append(keys, d.Key)
		switch d.Key {
		case "train.epochs":
			if d != (Difference{"train.epochs", "100", "7"}) {
				t.Errorf("difference is %+v", d)
			}
		case "params.phi":
			if d != (Difference{"params.phi", "", "x"}) {
				t.Errorf("difference is %+v", d)
			}
		}
	}
	if len(keys) != 4+15 || keys[0] != "params.mu" || keys[1] != "params.nu" || keys[len(keys)-1] != "params.phi" {
		t.Errorf("keys that differ: %v", keys)
	}
	if d := Diff(a, a.Clone()); d != nil {
		t.Errorf("a configuration differs from itself in %v", d)
	}
}

// TestHashCoversEachKey changes one key at a time to another legal value: the hash must change if and only if the key
// is hashed, and the canonical text must come back to the same configuration.
func TestHashCoversEachKey(t *testing.T) {
	base := sample(t)
	hash := base.Config().Hash()
	keys := base.Explain()
	rapid.Check(t, func(t *rapid.T) {
		e := rapid.SampledFrom(keys).Draw(t, "key")
		value := otherValue(t, e)
		l := vicreg()
		l.Flags = map[string]any{"method": "vicreg", "data.name": "fashion-mnist", "reg.cov": 0.01, "reg.var.gamma": 1.0}
		l.Set = []string{"widths=32,64,128", "fixed_lr=predictor,true", "seed=18446744073709551615", "augment.views.1.solarize=0.1", "data.dir=on", "precision=fp32", e.Key + "=" + value}
		r, err := Resolve(l)
		if err != nil {
			t.Fatalf("--set %s=%s: %v", e.Key, value, err)
		}
		k, known := schema().lookup(e.Key)
		differs := r.Config().Hash() != hash
		if hashed := !known || k.Hashed; differs != hashed {
			t.Fatalf("--set %s=%s (was %s): hash differs is %v, want %v", e.Key, value, e.Value, differs, hashed)
		}
		if len(Diff(base.Config(), r.Config())) == 0 {
			t.Fatalf("--set %s=%s (was %s) changes nothing", e.Key, value, e.Value)
		}
	})
}

// otherValue draws a legal value of a key that is not the one it has.
func otherValue(t *rapid.T, e Explanation) string {
	k, ok := schema().lookup(e.Key)
	if !ok { // hyper-parameters of vicreg
		k.kind = kindOfValue(vicreg().Params[strings.TrimPrefix(e.Key, "params.")])
	}
	draw := func() string {
		if len(k.Choices) > 0 {
			return rapid.SampledFrom(k.Choices).Draw(t, "choice")
		}
		switch k.kind {
		case boolean:
			return rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool")
		case integer, unsigned:
			return rapid.StringMatching(`[2-9][0-9]{0,6}`).Draw(t, "integer")
		case number, free:
			return fraction(t, e.Key)
		case integers:
			return "[" + rapid.StringMatching(`[1-9][0-9]?(, [1-9][0-9]?){0,3}`).Draw(t, "list") + "]"
		case texts:
			return "[" + rapid.StringMatching(`[a-z]{1,5}(, [a-z]{1,5}){0,3}`).Draw(t, "list") + "]"
		}
		return rapid.StringMatching(`[a-z][a-z0-9 :#-]{0,8}[a-z]`).Draw(t, "text")
	}
	for {
		if v := draw(); v != e.Value && v != "tf32" { // which only GPUs compute in, and the sample trains on the CPU
			return v
		}
	}
}

// fraction draws a number inside every bound and on the right side of its partner in a range.
func fraction(t *rapid.T, key string) string {
	digits := rapid.StringMatching(`[1-9]{1,6}`).Draw(t, "digits")
	switch {
	case strings.HasSuffix(key, "crop_max"):
		return "0.9" + digits
	case strings.HasSuffix(key, "_max"):
		return "3." + digits
	case strings.HasSuffix(key, "_min"):
		return "0.0" + digits
	}
	return "0.1" + digits
}

// TestMarshalReturns draws configurations in Go and reads them back from their canonical form.
func TestMarshalReturns(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		c := Default()
		c.Method = rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "method")
		c.Out = rapid.String().Filter(printable).Draw(t, "out")
		c.Params["x"] = rapid.Float64Range(-1e30, 1e30).Draw(t, "x")
		c.Params["s"] = rapid.StringMatching(`[ -~]{0,12}`).Draw(t, "s")
		c.Params["b"] = rapid.Bool().Draw(t, "b")
		c.Train.Seed = rapid.Uint64().Draw(t, "seed")
		c.Optimizer.LR = rapid.Float64Range(1e-300, 1e300).Draw(t, "lr")
		c.Backbone.Widths = rapid.SliceOfN(rapid.IntRange(1, 4096), 0, 5).Draw(t, "widths")
		c.Augment.Views[1].Flip = rapid.Float64Range(0, 1).Draw(t, "flip")
		data, err := c.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "c.yaml")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		back, err := Read(path)
		if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		if d := Diff(c, back); d != nil || back.Optimizer.LR != c.Optimizer.LR || back.Params["s"] != c.Params["s"] {
			t.Fatalf("came back with %v", d)
		}
	})
}

// printable keeps to what YAML can hold: no control characters but line feed and tab.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r == 0xfeff || r >= 0xfffe || r == '�'
	})
}
