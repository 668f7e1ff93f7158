package methods_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/methods/reg"
	"github.com/sslctl/sslctl/sdk/method"
)

// TestPresets: every setting is a key of the configuration with one of its choices, or a hyper-parameter within its bounds;
// every augmentation is within its.
func TestPresets(t *testing.T) {
	keys := map[string]config.Key{}
	for _, k := range config.Keys() {
		keys[k.Name] = k
	}
	for name, m := range shipped {
		d := m.Describe()
		if len(d.Presets) == 0 || d.Presets[0].Name != "small" {
			t.Fatalf("%s: the first preset is not small", name)
		}
		for _, p := range d.Presets {
			t.Run(name+"/"+p.Name, func(t *testing.T) {
				if p.Source == "" || len(p.Views) != 2 {
					t.Errorf("source %q, %d views", p.Source, len(p.Views))
				}
				own := map[string]any{}
				for key, v := range p.Settings {
					if !strings.Contains(key, ".") {
						own[key] = v
						continue
					}
					k, ok := keys[key]
					if !ok {
						t.Errorf("%s is no key of the configuration", key)
					}
					if s, text := v.(string); text && len(k.Choices) > 0 && !slices.Contains(k.Choices, s) {
						t.Errorf("%s is %q, not one of %v", key, s, k.Choices)
					}
				}
				if _, err := method.Complete(d.Params, own); err != nil {
					t.Error(err)
				}
				if _, err := backbones.New(p.Settings["backbone.name"].(string), backbones.Options{}); err != nil {
					t.Error(err)
				}
				for _, v := range p.Views {
					checkView(t, v)
				}
			})
		}
	}
}

func checkView(t *testing.T, v method.View) {
	t.Helper()
	for name, p := range map[string]float64{"flip": v.Flip, "jitter": v.Jitter, "gray": v.Gray, "blur": v.Blur, "solarize": v.Solarize} {
		if p < 0 || p > 1 {
			t.Errorf("%s has the probability %g", name, p)
		}
	}
	if !(0 < v.CropMin && v.CropMin <= v.CropMax && v.CropMax <= 1 && 0 < v.RatioMin && v.RatioMin <= v.RatioMax) {
		t.Errorf("crop of area %g to %g, ratio %g to %g", v.CropMin, v.CropMax, v.RatioMin, v.RatioMax)
	}
	if !(0 < v.BlurSigmaMin && v.BlurSigmaMin <= v.BlurSigmaMax) || v.Hue > 0.5 {
		t.Errorf("blur of %g to %g pixels, hue %g", v.BlurSigmaMin, v.BlurSigmaMax, v.Hue)
	}
}

// TestDescriptions: what users read is there, and a second call says the same.
func TestDescriptions(t *testing.T) {
	all := map[string]method.Description{}
	for name, m := range shipped {
		all[name] = m.Describe()
		if !reflect.DeepEqual(m.Describe(), all[name]) {
			t.Errorf("%s describes itself differently the second time", name)
		}
	}
	all["var"], all["cov"] = reg.Var{}.Describe(), reg.Cov{}.Describe()
	for name, d := range all {
		if d.Name != name || d.Title == "" || d.Version == "" || d.Formula == "" || len(d.Sources) == 0 {
			t.Errorf("%s: incomplete description %+v", name, d)
		}
		for _, p := range d.Params {
			if p.Doc == "" {
				t.Errorf("%s: parameter %s without a word on it", name, p.Name)
			}
		}
	}
}

// TestRecipes holds heads and branches to the official code's, and each switch to what it takes away.
func TestRecipes(t *testing.T) {
	const a, s, none = method.Affine, method.Standardise, method.NoNorm
	head := func(layers ...method.Layer) *method.Head { h := method.Head(layers); return &h }
	tests := []struct {
		name      string
		method    string
		given     map[string]any
		projector *method.Head
		predictor *method.Head
		target    *method.Target
		unshared  bool
	}{
		{"vicreg", "vicreg", map[string]any{"projector": "64-32-16"},
			head(method.Layer{Width: 64, Bias: true, Norm: a, ReLU: true}, method.Layer{Width: 32, Bias: true, Norm: a, ReLU: true}, method.Layer{Width: 16}), nil, nil, false},
		{"vicreg with predictor, without norm, unshared", "vicreg", map[string]any{"projector": "64-16", "predictor": true, "head_norm": false, "unshared": true},
			head(method.Layer{Width: 64, Bias: true, ReLU: true}, method.Layer{Width: 16}),
			head(method.Layer{Width: 16, Bias: true, ReLU: true}, method.Layer{Width: 16}), nil, true},
		{"barlowtwins", "barlowtwins", map[string]any{"projector": "64-16"},
			head(method.Layer{Width: 64, Norm: a, ReLU: true}, method.Layer{Width: 16}), nil, nil, false},
		{"barlowtwins without norm, unshared", "barlowtwins", map[string]any{"projector": "64-16", "head_norm": false, "unshared": true},
			head(method.Layer{Width: 64, ReLU: true}, method.Layer{Width: 16}), nil, nil, true},
		{"simsiam", "simsiam", map[string]any{"projector": "64-16", "predictor_hidden": 4},
			head(method.Layer{Width: 64, Norm: a, ReLU: true}, method.Layer{Width: 16, Norm: s}),
			head(method.Layer{Width: 4, Norm: a, ReLU: true}, method.Layer{Width: 16, Bias: true}), nil, false},
		{"simsiam without norm", "simsiam", map[string]any{"projector": "64-16", "predictor_hidden": 4, "head_norm": false},
			head(method.Layer{Width: 64, Norm: none, ReLU: true}, method.Layer{Width: 16}),
			head(method.Layer{Width: 4, ReLU: true}, method.Layer{Width: 16, Bias: true}), nil, false},
		{"simsiam without predictor", "simsiam", map[string]any{"projector": []int{16}, "predictor": false},
			head(method.Layer{Width: 16, Norm: s}), nil, nil, false},
		{"byol", "byol", map[string]any{"projector": "64-16", "predictor_hidden": 32, "tau": 0.9},
			head(method.Layer{Width: 64, Bias: true, Norm: a, ReLU: true}, method.Layer{Width: 16}),
			head(method.Layer{Width: 32, Bias: true, Norm: a, ReLU: true}, method.Layer{Width: 16}),
			&method.Target{Momentum: 0.9, Final: 1, Schedule: "cosine"}, false},
		{"byol without predictor and norm", "byol", map[string]any{"projector": "64-16", "predictor": false, "head_norm": false},
			head(method.Layer{Width: 64, Bias: true, ReLU: true}, method.Layer{Width: 16}), nil,
			&method.Target{Momentum: 0.99, Final: 1, Schedule: "cosine"}, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			traced, err := method.Trace(shipped[tc.method], tc.given, method.Shapes{Batch: 4, Views: 2})
			if err != nil {
				t.Fatal(err)
			}
			want := method.Recipe{Projector: *tc.projector, Predictor: tc.predictor, Target: tc.target, Unshared: tc.unshared}
			if !reflect.DeepEqual(traced.Recipe, want) {
				t.Errorf("got %+v\nwant %+v", traced.Recipe, want)
			}
		})
	}
}

// TestGammaFollowsTheUnitSphere: without a value of its own gamma is 1, or 1/sqrt(d) where rows were normalised.
func TestGammaFollowsTheUnitSphere(t *testing.T) {
	for _, tc := range []struct {
		unit  bool
		given map[string]any
		want  float64
	}{{false, nil, 1}, {true, nil, 0.25}, {true, map[string]any{"gamma": 2}, 2}, {false, map[string]any{"gamma": 0.5}, 0.5}} {
		p, err := method.TraceRegulariser(reg.Var{}, tc.given, method.Shapes{Batch: 4, Views: 1, Embedding: 16}, tc.unit)
		if err != nil {
			t.Fatal(err)
		}
		var got []float64
		for _, step := range p.Steps {
			if step.Kind == "affine" && step.Attrs.Alpha == -1 {
				got = append(got, step.Attrs.Beta)
			}
		}
		if !slices.Equal(got, []float64{tc.want}) {
			t.Errorf("unit %t, %v: gamma %v, want %g", tc.unit, tc.given, got, tc.want)
		}
	}
}
