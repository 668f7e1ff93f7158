package wire_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sslctl/sslctl/methods/barlowtwins"
	"github.com/sslctl/sslctl/methods/byol"
	"github.com/sslctl/sslctl/methods/simsiam"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire/diag"
	"github.com/sslctl/sslctl/sdk/wire/fromproto"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
	"github.com/sslctl/sslctl/sdk/wire/toproto"
)

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func shipped() []method.Method {
	return []method.Method{vicreg.Method{}, byol.Method{}, simsiam.Method{}, barlowtwins.Method{}}
}

func TestEveryFieldOfADescriptionTravels(t *testing.T) {
	want := fill[method.Description]()
	m, err := toproto.Description(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := fromproto.Description(m)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
}

func TestDescriptionsOfShippedMethodsTravel(t *testing.T) {
	for _, method := range shipped() {
		want := method.Describe()
		m, err := toproto.Description(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := fromproto.Description(m)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, want)
	}
}

func TestEveryFieldOfARecipeTravels(t *testing.T) {
	want := fill[method.Recipe]()
	for _, head := range []method.Head{want.Projector, *want.Predictor} {
		head[0].Norm, head[1].Norm = method.Affine, method.Standardise
	}
	want.Target.Momentum, want.Target.Final, want.Target.Schedule = 0.25, 0.75, "cosine"
	got, err := fromproto.Recipe(toproto.Recipe(want))
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
}

func TestEveryFieldOfShapesTravels(t *testing.T) {
	want := fill[method.Shapes]()
	got, err := fromproto.Shapes(toproto.Shapes(want))
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
}

func TestEveryFieldOfADiagnosticTravels(t *testing.T) {
	want := fill[[]diag.Diagnostic]()
	want[0].Severity, want[1].Severity = diag.Error, diag.Warning
	same(t, fromproto.Diagnostics(toproto.Diagnostics(want...)), want)
}

func TestSettings(t *testing.T) {
	nested := func(depth int) any {
		v := any(1)
		for range depth {
			v = []any{v}
		}
		return v
	}
	for _, tc := range []struct {
		name     string
		value    any
		wantSend string // error on writing
		wantRead string // error on reading
	}{
		{"real", 0.1, "", ""},
		{"whole", -3, "", ""},
		{"largest whole", math.MaxInt32, "", ""},
		{"flag", false, "", ""},
		{"empty word", "", "", ""},
		{"wholes", []int{512, 0}, "", ""},
		{"reals", []float64{0.5, -1}, "", ""},
		{"words", []string{"a", ""}, "", ""},
		{"mixed", []any{1, "a", []any{true}}, "", ""},
		{"nested", nested(8), "", ""},
		{"nested too deep", nested(9), "", "nested deeper"},
		{"not a number", math.NaN(), "", "not finite"},
		{"infinite in a list", []float64{math.Inf(1)}, "", "not finite"},
		{"out of range", math.MaxInt32 + 1, "", "out of range"},
		{"nothing", nil, "cannot be sent", ""},
		{"of another type", int64(1), "cannot be sent", ""},
		{"of another type in a list", []any{struct{}{}}, "cannot be sent", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := map[string]any{"key": tc.value, "other": 1}
			m, err := toproto.Settings(want)
			if !matches(err, tc.wantSend) {
				t.Fatalf("writing: %v, want %q", err, tc.wantSend)
			}
			if err != nil {
				return
			}
			got, err := fromproto.Settings(m)
			if !matches(err, tc.wantRead) {
				t.Fatalf("reading: %v, want %q", err, tc.wantRead)
			}
			if err == nil {
				same(t, got, want)
			}
		})
	}
}

// matches reports whether an error holds a text; "" stands for no error.
func matches(err error, want string) bool {
	if want == "" {
		return err == nil
	}
	return err != nil && strings.Contains(err.Error(), want)
}

func TestBadDescriptionsAreRefused(t *testing.T) {
	for _, tc := range []struct {
		name string
		bend func(*methodv1.Description)
		want string
	}{
		{"none", nil, "missing"},
		{"a path for a name", func(d *methodv1.Description) { d.Name = "../x" }, `name "../x"`},
		{"a long name", func(d *methodv1.Description) { d.Name = strings.Repeat("a", 65) }, "at most 64"},
		{"a parameter that no flag can name", func(d *methodv1.Description) { d.Params[0].Name = "a=b" }, `hyper-parameter "a=b"`},
		{"a parameter twice", func(d *methodv1.Description) { d.Params[1].Name = d.Params[0].Name }, "stands twice"},
		{"no default", func(d *methodv1.Description) { d.Params[0].Default = nil }, "missing"},
		{"a default of words", func(d *methodv1.Description) {
			d.Params[0].Default = &methodv1.Value{Kind: &methodv1.Value_Words{Words: &methodv1.Words{}}}
		}, "a default of type []string"},
		{"a preset twice", func(d *methodv1.Description) { d.Presets[1].Name = d.Presets[0].Name }, "stands twice"},
		{"a setting twice", func(d *methodv1.Description) {
			d.Presets[0].Settings = append(d.Presets[0].Settings, d.Presets[0].Settings[0])
		}, "stands twice"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := toproto.Description(vicreg.Method{}.Describe())
			if err != nil {
				t.Fatal(err)
			}
			if tc.bend == nil {
				m = nil
			} else {
				tc.bend(m)
			}
			if _, err := fromproto.Description(m); !matches(err, tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func TestBadRecipesAreRefused(t *testing.T) {
	for _, tc := range []struct {
		name string
		bend func(*methodv1.Recipe)
		want string
	}{
		{"a layer without width", func(r *methodv1.Recipe) { r.Projector.Layers[0].Width = 0 }, "projector: layer 0 has the width 0"},
		{"a layer too wide", func(r *methodv1.Recipe) { r.Predictor.Layers[1].Width = 1<<20 + 1 }, "predictor: layer 1"},
		{"an unknown norm", func(r *methodv1.Recipe) { r.Projector.Layers[0].Norm = 9 }, "unknown norm"},
		{"no norm said", func(r *methodv1.Recipe) { r.Projector.Layers[0].Norm = 0 }, "unknown norm"},
		{"many layers", func(r *methodv1.Recipe) { r.Projector.Layers = make([]*methodv1.Layer, 65) }, "65 layers"},
		{"momentum above 1", func(r *methodv1.Recipe) { r.Target.Momentum = 1.01 }, "momentum 1.01"},
		{"momentum that is no number", func(r *methodv1.Recipe) { r.Target.Final = math.NaN() }, "momentum NaN"},
		{"an unknown schedule", func(r *methodv1.Recipe) { r.Target.Schedule = "step" }, `schedule "step"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, err := method.Complete(byol.Method{}.Describe().Params, nil)
			if err != nil {
				t.Fatal(err)
			}
			m := toproto.Recipe(byol.Method{}.Recipe(h))
			tc.bend(m)
			if _, err := fromproto.Recipe(m); !matches(err, tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func TestBadShapesAreRefused(t *testing.T) {
	good := method.Shapes{Batch: 8, Views: 2, Embedding: 4, Representation: 6}
	for _, tc := range []struct {
		name string
		bend func(*methodv1.TraceShapes)
		want string
	}{
		{"no rows", func(s *methodv1.TraceShapes) { s.Batch = 0 }, "batch is 0"},
		{"no views", func(s *methodv1.TraceShapes) { s.Views = 0 }, "views is 0"},
		{"many views", func(s *methodv1.TraceShapes) { s.Views = 65 }, "views is 65"},
		{"negative width", func(s *methodv1.TraceShapes) { s.Embedding = -1 }, "embedding is -1"},
		{"overflow", func(s *methodv1.TraceShapes) { s.Representation = math.MaxInt64 }, "representation is"},
	} {
		m := toproto.Shapes(good)
		tc.bend(m)
		if _, err := fromproto.Shapes(m); !matches(err, tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}
