package sdktest_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/sdktest"
)

// architect is a backbone whose parts a test breaks.
type architect struct {
	describe func(*method.Description)
	forward  func(s nn.Scope, x expr.Tensor, h method.Values) expr.Tensor
}

func (a architect) Describe() method.Description {
	d := method.Description{Name: "architect", Title: "A backbone", Version: "0.1.0", Formula: "y", Sources: []string{"a paper"},
		Params: []method.Param{method.Int("width", 6, "channels").AtLeast(1)}}
	if a.describe != nil {
		a.describe(&d)
	}
	return d
}

func (a architect) Forward(s nn.Scope, x expr.Tensor, h method.Values) expr.Tensor {
	if a.forward != nil {
		return a.forward(s, x, h)
	}
	return body(s, x, h)
}

func body(s nn.Scope, x expr.Tensor, h method.Values) expr.Tensor {
	x = nn.BatchNorm(s.In("bn1"), nn.Conv2D(s.In("conv1"), x, h.Int("width"), 3, 2, 1), true).ReLU()
	return nn.Linear(s.In("fc"), nn.Flatten(x.AvgPool(2, 2)), 5, true)
}

// then changes what the network gives.
func then(f func(s nn.Scope, y expr.Tensor) expr.Tensor) func(nn.Scope, expr.Tensor, method.Values) expr.Tensor {
	return func(s nn.Scope, x expr.Tensor, h method.Values) expr.Tensor { return f(s, body(s, x, h)) }
}

// shipped is a network of this repository as an author's.
type shipped struct{ backbones.Backbone }

func (shipped) Describe() method.Description {
	return method.Description{Name: "shipped", Title: "shipped", Version: "1.0.0", Formula: "y", Sources: []string{"backbones"}}
}

func (n shipped) Forward(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
	return n.Backbone.Forward(s, x)
}

func TestShippedBackbonesPass(t *testing.T) {
	for _, name := range []string{"resnet-tiny", "resnet10", "mlp"} {
		net, err := backbones.New(name, backbones.Options{Widths: map[string][]int{"resnet10": {8, 8, 16, 16}, "mlp": {32, 16}}[name]})
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { sdktest.RunBackbone(t, shipped{net}) })
	}
}

// TestMistakesOfBackbonesAreFound makes one mistake at a time. The named check sees it, and says so.
func TestMistakesOfBackbonesAreFound(t *testing.T) {
	for _, tc := range []struct {
		name   string
		a      architect
		check  string
		status sdktest.Status
		want   string // in the result
	}{
		{"none", architect{}, "", sdktest.Passed, ""},
		{"no title", architect{describe: func(d *method.Description) { d.Title = "" }}, "description", sdktest.Warned, "no title"},
		{"presets", architect{describe: func(d *method.Description) { d.Presets = []method.Preset{{Name: "p"}} }}, "description", sdktest.Failed, "no presets"},
		{"unchecked limit", architect{describe: func(d *method.Description) { d.Params[0] = method.Int("width", 6, "").AtLeast(0) }},
			"hyper-parameters", sdktest.Failed, "width"},
		{"one size", architect{forward: func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			return nn.Linear(s, x.Reshape(x.Dim(0), 64*x.Dim(3)), 4, true)
		}}, "images", sdktest.Failed, "none of the usual images"},
		{"some sizes", architect{forward: func(s nn.Scope, x expr.Tensor, h method.Values) expr.Tensor {
			for size := x.Dim(1); size > 100; size /= 2 { // as far as 224 goes
				x = x.MatMul(x)
			}
			return body(s, x, h)
		}}, "images", sdktest.Warned, "not of 224 pixels"},
		{"chance", architect{forward: then(func(_ nn.Scope, y expr.Tensor) expr.Tensor { return y.Scale(rand.Float64()) })},
			"determinism", sdktest.Failed, "only shapes may depend"},
		{"a parameter without influence", architect{forward: then(func(s nn.Scope, y expr.Tensor) expr.Tensor {
			s.Param("idle", nn.Vector, nn.Init{Scale: 1}, 3)
			return y
		})}, "gradients", sdktest.Failed, "the parameter backbone.idle has no influence"},
		{"a part behind a zero", architect{forward: then(func(s nn.Scope, y expr.Tensor) expr.Tensor {
			return y.Add(nn.Linear(s.In("more"), y, 5, false).Scale(0))
		})}, "gradients", sdktest.Failed, "has the length 0"},
		{"nothing to learn", architect{forward: func(_ nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor { return nn.Flatten(x.AvgPool(2, 2)) }},
			"gradients", sdktest.Warned, "no parameters"},
		{"equal weights", architect{forward: func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			return nn.Flatten(x.AvgPool(1, 1)).MatMulT(s.Param("fc.weight", nn.Linear2, nn.Init{Dist: nn.Constant, Scale: 0.1}, 4, x.Dim(3)))
		}}, "initial values", sdktest.Warned, "learn the same"},
		{"vanishing", architect{forward: then(func(_ nn.Scope, y expr.Tensor) expr.Tensor { return y.Scale(1e-6) })},
			"initial values", sdktest.Warned, "standard deviation of"},
		{"blind", architect{forward: then(func(s nn.Scope, y expr.Tensor) expr.Tensor {
			return y.Scale(0).Add(s.Param("b", nn.Vector, nn.Init{Scale: 1}, 5))
		})},
			"images apart", sdktest.Failed, "does not depend on the images"},
		{"mixes images", architect{forward: then(func(_ nn.Scope, y expr.Tensor) expr.Tensor {
			n := y.Dim(0)
			return y.Add(expr.Join(0, y.Slice(0, 1, n), y.Slice(0, 0, 1)))
		})}, "images apart", sdktest.Failed, "depends on the others"},
		{"mixes views", architect{forward: then(func(_ nn.Scope, y expr.Tensor) expr.Tensor {
			return y.Sub(y.Slice(0, 0, 1).BroadcastTo(y.Dim(0), 5))
		})}, "views", sdktest.Failed, "view 1 by itself"},
		{"overflow", architect{forward: func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			return nn.Linear(s, nn.Flatten(x), 4, true).Square().Exp()
		}}, "constant images", sdktest.Failed, "constant 100: the representations are not finite"},
		{"no epsilon", architect{forward: func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			return nn.Linear(s, nn.Flatten(x), 4, false).Square().SumKeep(1).Sqrt()
		}}, "constant images", sdktest.Failed, "constant 0: the gradient of backbone.weight is not finite"},
		{"NaN hidden", architect{forward: func(s nn.Scope, x expr.Tensor, _ method.Values) expr.Tensor {
			return s.Param("y", nn.Vector, nn.Init{Dist: nn.Normal, Scale: 1}, 5).BroadcastTo(x.Dim(0), 5)
		}}, "NaN images", sdktest.Warned, "would not be noticed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sees(t, sdktest.CheckBackbone(t.Context(), sdktest.Backbone(tc.a)), tc.check, tc.status, tc.want)
		})
	}
}

// TestPanicsOfBackbonesAreResults: an author's panic ends a check and not the test.
func TestPanicsOfBackbonesAreResults(t *testing.T) {
	a := architect{describe: func(*method.Description) { panic(errors.New("out of coffee")) }}
	for _, r := range sdktest.CheckBackbone(t.Context(), sdktest.Backbone(a)) {
		if r.Check != "trace time" && (r.Status != sdktest.Failed || !strings.Contains(r.Says, "out of coffee")) {
			t.Errorf("%s: %s", r.Status, r)
		}
	}
}

var _ backbone.Backbone = architect{}
