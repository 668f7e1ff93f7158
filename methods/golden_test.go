// Package methods_test holds the shipped objectives to PyTorch's numbers.
package methods_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/safetensors"
	"github.com/sslctl/sslctl/methods/barlowtwins"
	"github.com/sslctl/sslctl/methods/byol"
	"github.com/sslctl/sslctl/methods/reg"
	"github.com/sslctl/sslctl/methods/simsiam"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
	"github.com/sslctl/sslctl/sdk/method"
)

var shipped = map[string]method.Method{
	"vicreg": vicreg.Method{}, "barlowtwins": barlowtwins.Method{}, "simsiam": simsiam.Method{}, "byol": byol.Method{},
}

// settings are the hyper-parameters that a golden file was made with; those without an entry have the defaults.
var settings = map[string]map[string]any{
	"vicreg-paper":         {"var_reduction": "paper"},
	"vicreg-inv":           {"lambda": 1, "mu": 0, "nu": 0},
	"vicreg-inv-var":       {"lambda": 1, "mu": 1, "nu": 0},
	"vicreg-predictor":     {"predictor": true},
	"barlowtwins-paper":    {"std": "paper", "scale": 0.1},
	"simsiam-no-predictor": {"predictor": false},
	"simsiam-no-stop":      {"stop_gradient": false},
	"byol-no-predictor":    {"predictor": false},
}

// TestGolden compares loss, terms and gradients with PyTorch's (testdata/make_golden.py; with SSLCTL_GOLDEN the folder's too).
func TestGolden(t *testing.T) {
	for _, path := range files(t) {
		name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "objective-"), ".safetensors")
		t.Run(name, func(t *testing.T) {
			tensors, _, err := safetensors.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			o := objective(t, name, tensors)
			want := []string{"loss"}
			outputs := []expr.Tensor{o.loss}
			for term, value := range o.terms {
				want, outputs = append(want, "term."+term), append(outputs, value)
			}
			for i, input := range o.reached {
				want, outputs = append(want, "grad."+input), append(outputs, o.grads[i])
			}
			got, err := exprtest.Eval(o.values, outputs...)
			if err != nil {
				t.Fatal(err)
			}
			for i, key := range want {
				compare(t, key, got[i], tensors[key])
				delete(tensors, key)
			}
			for key, v := range tensors {
				if strings.HasPrefix(key, "term.") || strings.HasPrefix(key, "grad.") && nonzero(v.F32) {
					t.Errorf("%s is in the file only", key)
				}
			}
		})
	}
}

func files(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, dir := range []string{"testdata", os.Getenv("SSLCTL_GOLDEN")} {
		if dir == "" {
			continue
		}
		found, err := filepath.Glob(filepath.Join(dir, "objective-*.safetensors"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no golden file in %s (%v)", dir, err)
		}
		all = append(all, found...)
	}
	return all
}

type differentiated struct {
	loss    expr.Tensor
	terms   map[string]expr.Tensor
	reached []string // inputs with a gradient
	grads   []expr.Tensor
	values  map[string][]float32
}

// objective rebuilds a method's program, with var and cov added where the name says so, and differentiates it.
func objective(t *testing.T, name string, tensors map[string]safetensors.Tensor) differentiated {
	t.Helper()
	base, added, _ := strings.Cut(name, "+")
	key, _, _ := strings.Cut(base, "-")
	n, d := tensors["z0"].Shape[0], tensors["z0"].Shape[1]
	shapes := method.Shapes{Batch: n, Views: 2, Embedding: d}
	traced, err := method.Trace(shipped[key], settings[base], shapes)
	if err != nil {
		t.Fatal(err)
	}
	b := expr.New()
	o := differentiated{terms: map[string]expr.Tensor{}, values: map[string][]float32{}}
	inputs := map[string]expr.Tensor{}
	for _, port := range traced.Program.Inputs {
		inputs[port.Name] = b.Input(port.Name, port.Shape...)
		o.values[port.Name] = tensors[port.Name].F32
	}
	out := build(t, traced.Program, b, inputs)
	o.loss = out["loss"]
	for _, term := range traced.Terms {
		o.terms[term] = out["term."+term]
	}
	if added == "var+cov" {
		o.terms["variance"] = penalty(t, reg.Var{}, shapes, b, inputs)
		o.terms["covariance"] = penalty(t, reg.Cov{}, shapes, b, inputs)
		o.loss = o.loss.Add(o.terms["variance"]).Add(o.terms["covariance"].Scale(0.01))
	}
	var wrt []expr.Tensor
	for _, port := range traced.Program.Inputs {
		if nonzero(tensors["grad."+port.Name].F32) {
			o.reached, wrt = append(o.reached, port.Name), append(wrt, inputs[port.Name])
		}
	}
	if o.grads, err = b.Grad(o.loss, wrt...); err != nil {
		t.Fatal(err)
	}
	return o
}

func penalty(t *testing.T, r method.Regulariser, s method.Shapes, b *expr.Builder, inputs map[string]expr.Tensor) expr.Tensor {
	t.Helper()
	p, err := method.TraceRegulariser(r, nil, s, false)
	if err != nil {
		t.Fatal(err)
	}
	return build(t, p, b, inputs)["penalty"]
}

func build(t *testing.T, p *expr.Program, b *expr.Builder, inputs map[string]expr.Tensor) map[string]expr.Tensor {
	t.Helper()
	out, err := p.Build(b, inputs)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// compare allows an error of 1e-5 of the largest element.
func compare(t *testing.T, what string, got []float32, want safetensors.Tensor) {
	t.Helper()
	if len(got) != len(want.F32) {
		t.Fatalf("%s has %d elements, want %d", what, len(got), len(want.F32))
	}
	var off, largest float64
	for i, w := range want.F32 {
		off = max(off, math.Abs(float64(got[i])-float64(w)))
		largest = max(largest, math.Abs(float64(w)))
	}
	if !(off <= 1e-5*largest) {
		t.Errorf("%s is off by %g of %g", what, off, largest)
	}
}

func nonzero(x []float32) bool {
	for _, v := range x {
		if v != 0 {
			return true
		}
	}
	return false
}

// TestVICRegFromItsParts: the objective without its regularisers, and these added, make the same loss to the bit.
func TestVICRegFromItsParts(t *testing.T) {
	tensors, _, err := safetensors.Load("testdata/objective-vicreg.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	shapes := method.Shapes{Batch: tensors["z0"].Shape[0], Views: 2, Embedding: tensors["z0"].Shape[1]}
	values := map[string][]float32{"z0": tensors["z0"].F32, "z1": tensors["z1"].F32}
	loss := func(h map[string]any, weights map[string]float64) float32 {
		traced, err := method.Trace(vicreg.Method{}, h, shapes)
		if err != nil {
			t.Fatal(err)
		}
		b := expr.New()
		inputs := map[string]expr.Tensor{}
		for _, port := range traced.Program.Inputs {
			inputs[port.Name] = b.Input(port.Name, port.Shape...)
		}
		total := build(t, traced.Program, b, inputs)["loss"]
		for _, r := range []method.Regulariser{reg.Var{}, reg.Cov{}} {
			if w, ok := weights[r.Describe().Name]; ok {
				total = total.Add(penalty(t, r, shapes, b, inputs).Scale(w))
			}
		}
		got, err := exprtest.Eval(values, total)
		if err != nil {
			t.Fatal(err)
		}
		return got[0][0]
	}
	whole := loss(nil, nil)
	parts := loss(map[string]any{"mu": 0, "nu": 0}, map[string]float64{"var": 25, "cov": 1})
	if whole != parts {
		t.Errorf("VICReg is %v, its invariance with var=25 and cov=1 is %v", whole, parts)
	}
}
