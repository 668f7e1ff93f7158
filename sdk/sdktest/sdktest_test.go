package sdktest_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/methods/barlowtwins"
	"github.com/sslctl/sslctl/methods/byol"
	"github.com/sslctl/sslctl/methods/reg"
	"github.com/sslctl/sslctl/methods/simsiam"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/sdktest"
)

func TestShippedMethodsPass(t *testing.T) {
	for _, m := range []method.Method{barlowtwins.Method{}, byol.Method{}, simsiam.Method{}, vicreg.Method{}} {
		t.Run(m.Describe().Name, func(t *testing.T) { sdktest.Run(t, m) })
	}
	for _, r := range []method.Regulariser{reg.Var{}, reg.Cov{}} {
		t.Run(r.Describe().Name, func(t *testing.T) { sdktest.RunRegulariser(t, r) })
	}
}

// author is a method whose parts a test breaks.
type author struct {
	describe  func(*method.Description)
	objective func(e method.Embeddings, h method.Values) method.Loss
}

func (a author) Describe() method.Description {
	d := method.Description{Name: "author", Title: "A method", Version: "0.1.0", Formula: "L", Sources: []string{"a paper"},
		Params: []method.Param{method.Float("scale", 1, "factor").AtLeast(0)}}
	if a.describe != nil {
		a.describe(&d)
	}
	return d
}

func (author) Recipe(method.Values) method.Recipe {
	return method.Recipe{Projector: method.Head{{Width: 6}}}
}

func (a author) Objective(e method.Embeddings, h method.Values) method.Loss {
	if a.objective != nil {
		return a.objective(e, h)
	}
	return method.Sum(method.Term("distance", h.Float("scale"), e.Z(0).MSE(e.Z(1))))
}

func term(value func(z, zp expr.Tensor) expr.Tensor) func(method.Embeddings, method.Values) method.Loss {
	return func(e method.Embeddings, _ method.Values) method.Loss {
		return method.Sum(method.Term("term", 1, value(e.Z(0), e.Z(1))))
	}
}

// wrong is a custom op, the mean of squares, whose gradient is off by a factor.
type wrong struct{ Factor float32 }

func (wrong) Name() string                              { return "mean-square" }
func (wrong) Shapes([]expr.Shape) ([]expr.Shape, error) { return []expr.Shape{{}}, nil }
func (wrong) Forward(in, out []expr.Array) error {
	for _, v := range in[0].Data {
		out[0].Data[0] += v * v / float32(len(in[0].Data))
	}
	return nil
}

func (w wrong) Backward(in, _, grad, into []expr.Array) error {
	for i, v := range in[0].Data {
		into[0].Data[i] = 2 * v * w.Factor * grad[0].Data[0] / float32(len(in[0].Data))
	}
	return nil
}

func custom(factor float32) func(z, zp expr.Tensor) expr.Tensor {
	return func(z, zp expr.Tensor) expr.Tensor {
		return z.Builder().Custom(wrong{factor}, z.Sub(zp)).At(0)
	}
}

// TestMistakesAreFound makes one mistake at a time. Exactly the named check sees it, and says so.
func TestMistakesAreFound(t *testing.T) {
	for _, tc := range []struct {
		name   string
		a      author
		check  string
		status sdktest.Status
		want   string // in the result
	}{
		{"none", author{}, "", sdktest.Passed, ""},
		{"a custom op", author{objective: term(custom(1))}, "", sdktest.Passed, ""},
		{"no formula", author{describe: func(d *method.Description) { d.Formula = "" }}, "description", sdktest.Warned, "no formula"},
		{"name", author{describe: func(d *method.Description) { d.Name = "Author!" }}, "description", sdktest.Failed, "lower-case"},
		{"changing description", author{describe: func(d *method.Description) { d.Title = fmt.Sprint(rand.Uint64()) }},
			"description", sdktest.Failed, "second call"},
		{"preset", author{describe: func(d *method.Description) {
			d.Presets = []method.Preset{{Name: "p", Settings: map[string]any{"scale": -3.0}}}
		}}, "description", sdktest.Failed, `preset "p"`},
		{"default out of range", author{describe: func(d *method.Description) {
			d.Params = append(d.Params, method.Float("tau", -1, "").AtLeast(0))
		}}, "hyper-parameters", sdktest.Failed, "tau"},
		{"unchecked limit", author{
			describe: func(d *method.Description) {
				d.Params = append(d.Params, method.Int("first", 1, "first dimension").AtLeast(-1))
			},
			objective: func(e method.Embeddings, h method.Values) method.Loss {
				return method.Sum(method.Term("term", 1, e.Z(0).Slice(1, h.Int("first"), 4).Sub(e.Z(1).Slice(1, 1, 4)).Square().Mean()))
			}}, "hyper-parameters", sdktest.Failed, "first"},
		{"fixed batch", author{objective: term(func(z, zp expr.Tensor) expr.Tensor { return z.Reshape(8, z.Shape().TotalSize()/8).MSE(zp) })},
			"shapes", sdktest.Failed, "traced for {Batch:12"},
		{"chance", author{objective: term(func(z, zp expr.Tensor) expr.Tensor { return z.Shift(rand.Float64()).MSE(zp) })},
			"determinism", sdktest.Failed, "two programs"},
		{"wrong gradient", author{objective: term(custom(1.1))}, "gradients", sdktest.Failed, "finite difference"},
		{"nothing learned", author{objective: term(func(z, zp expr.Tensor) expr.Tensor { return z.MSE(zp).StopGradient() })},
			"gradients", sdktest.Failed, "nothing would be learned"},
		{"order of images", author{objective: term(func(z, zp expr.Tensor) expr.Tensor { return z.Slice(0, 0, 2).MSE(zp.Slice(0, 0, 2)) })},
			"permutation", sdktest.Failed, "another order"},
		{"sum over images", author{objective: term(func(z, zp expr.Tensor) expr.Tensor { return z.Sub(zp).Square().Sum().Scale(0.2) })},
			"batch size", sdktest.Warned, "mean over the images"},
		{"overflow", author{objective: term(func(z, zp expr.Tensor) expr.Tensor { return z.Sub(zp).Square().Exp().Mean().Shift(1).Log() })},
			"scale", sdktest.Failed, "scale of 1000"},
		{"no epsilon", author{objective: term(func(z, zp expr.Tensor) expr.Tensor { return z.Sub(zp).Square().Sum(1).Sqrt().Mean() })},
			"constant embeddings", sdktest.Failed, "not finite"},
		{"NaN hidden", author{objective: term(func(z, zp expr.Tensor) expr.Tensor { return z.Slice(0, 2, z.Dim(0)).MSE(zp.Slice(0, 2, z.Dim(0))) })},
			"NaN embeddings", sdktest.Warned, "would not be noticed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sees(t, sdktest.Check(t.Context(), sdktest.Method(tc.a)), tc.check, tc.status, tc.want)
		})
	}
}

// sees holds results to the one of a check that is to see a mistake; no check, to no failure.
func sees(t *testing.T, results []sdktest.Result, check string, status sdktest.Status, want string) {
	t.Helper()
	found := false
	for _, r := range results {
		if r.Check == check {
			found = true
			if r.Status != status || !strings.Contains(r.String(), want) {
				t.Errorf("%s %q, want %s %q", r.Status, r, status, want)
			}
		} else if r.Status == sdktest.Failed && check == "" {
			t.Error(r)
		}
	}
	if !found && check != "" {
		t.Errorf("there is no check %q", check)
	}
}

// TestResultsPoint: a result names the hyper-parameter or the line of the author's code that it is about.
func TestResultsPoint(t *testing.T) {
	contradiction := author{objective: term(func(z, zp expr.Tensor) expr.Tensor { return z.MatMul(zp).Mean() })}
	for _, r := range sdktest.Check(t.Context(), sdktest.Method(contradiction)) {
		if r.Check == "determinism" && !strings.HasPrefix(r.Source, "sdktest_test.go:") {
			t.Errorf("%s points to %q", r, r.Source)
		}
	}
	out := author{describe: func(d *method.Description) { d.Params[0] = method.Float("scale", math.NaN(), "") }}
	for _, r := range sdktest.Check(t.Context(), sdktest.Method(out)) {
		if r.Check == "hyper-parameters" && r.Param != "scale" {
			t.Errorf("%s points to %q", r, r.Param)
		}
	}
}

// TestPanicsAreResults: an author's panic ends a check and not the test.
func TestPanicsAreResults(t *testing.T) {
	a := author{describe: func(*method.Description) { panic(errors.New("out of coffee")) }}
	results := sdktest.Check(t.Context(), sdktest.Method(a))
	if len(results) < 10 {
		t.Errorf("%d results", len(results))
	}
	for _, r := range results {
		if r.Status != sdktest.Failed || !strings.Contains(r.Says, "out of coffee") {
			t.Errorf("%s: %s", r.Status, r)
		}
	}
}
