package optim_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/optim"
	"github.com/sslctl/sslctl/sdk/expr"
)

// moreRules are forms that torch has no single optimiser for.
var moreRules = map[string]optim.Rule{
	"lars-adapt-all":       optim.LARS{Momentum: .9, WeightDecay: 1e-2, AdaptAll: true},
	"lars-without-decay":   optim.LARS{Momentum: .9},
	"lars-plain":           optim.LARS{WeightDecay: 1e-2},
	"sgd-decay":            optim.SGD{WeightDecay: 1e-2},
	"lars-clip-adapt-all":  optim.LARS{Momentum: .9, WeightDecay: 1e-2, Eta: .02, Clip: true, AdaptAll: true},
	"sgd-nesterov-exclude": optim.SGD{Momentum: .9, Nesterov: true, WeightDecay: 1e-2, DecayMatricesOnly: true},
}

// stepped is an optimiser whose step is part of a plan.
type stepped struct {
	opt    *optim.Optimizer
	params []optim.Param
	e      *optim.Expressed
	exe    engine.Executable
	grads  []expr.Tensor
}

// express loads an optimiser's step, with the gradients as inputs.
func express(t *testing.T, pool *kernel.Pool, params []optim.Param, rule optim.Rule, options optim.Options) *stepped {
	t.Helper()
	s := &stepped{params: params}
	var err error
	if s.opt, err = optim.New(params, rule, options); err != nil {
		t.Fatal(err)
	}
	b := expr.New()
	values, grads := map[string]expr.Tensor{}, map[string]expr.Tensor{}
	for _, p := range params {
		values[p.Name], grads[p.Name] = b.Input(p.Name, p.Shape...), b.Input("grad."+p.Name, p.Shape...)
		s.grads = append(s.grads, grads[p.Name])
	}
	if s.e, err = s.opt.Express(b, func(name string) (value, grad expr.Tensor) { return values[name], grads[name] }); err != nil {
		t.Fatal(err)
	}
	plan, err := engine.CompileStep(engine.FP32, nil, s.e.Updates)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range plan.Updates {
		if plan.Values[u.Value].Store != u.Input {
			t.Errorf("the update of %q is copied", plan.Values[u.Input].Input)
		}
	}
	if s.exe, err = cpu.New(pool).Load(plan); err != nil {
		t.Fatal(err)
	}
	for i, p := range params {
		err = errors.Join(err, s.exe.Hold(values[p.Name], p.Value), s.exe.Bind(s.grads[i], p.Grad))
	}
	for _, m := range s.e.Held {
		err = errors.Join(err, s.exe.Hold(m.Input, m.Data))
	}
	for _, m := range s.e.Bound {
		err = errors.Join(err, s.exe.Bind(m.Input, m.Data))
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *stepped) step(t *testing.T, lr float64) {
	t.Helper()
	s.e.Set(lr, s.opt.Steps()+1)
	if err := errors.Join(s.exe.Run(t.Context()), s.exe.Fetch(t.Context())); err != nil {
		t.Fatal(err)
	}
	s.e.Done()
}

// TestExpressedRulesFollowTorch holds a plan's updates to PyTorch's figures, as TestRulesFollowTorch does the kernels.
func TestExpressedRulesFollowTorch(t *testing.T) {
	g := readGolden(t)
	pool := newPool(t, 2)
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			s := express(t, pool, g.params(), rule, optim.Options{})
			for k, lr := range g.Rates {
				g.load(s.params, k)
				s.step(t, lr)
				for _, p := range s.params {
					near(t, p.Value, g.After[name][k][p.Name], 2e-6, p.Name)
				}
			}
		})
	}
}

// TestExpressedRulesFollowKernels compares updates with kernels over ten steps: values, state and count, with rates that
// are zero, differ from tensor to tensor and stand still, tensors and gradients of zero, and a state taken from a checkpoint.
func TestExpressedRulesFollowKernels(t *testing.T) {
	pool := newPool(t, 2)
	all := map[string]optim.Rule{}
	for _, m := range []map[string]optim.Rule{rules, moreRules} {
		for name, rule := range m {
			all[name] = rule
		}
	}
	options := optim.Options{LR: 0.05, Rates: []optim.Rate{{Prefix: "predictor", Scale: 1, Fixed: true}, {OneDim: true, Scale: 0.5}}}
	for name, rule := range all {
		t.Run(name, func(t *testing.T) {
			theirs, start := drawParams(), drawParams()
			plain, err := optim.New(theirs, rule, options)
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(7, 7))
			var ours *stepped
			for k := range 10 {
				for i, p := range theirs {
					for j := range p.Grad {
						p.Grad[j] = float32(r.NormFloat64())
						if p.Name == "still" || k == 4 {
							p.Grad[j] = 0
						}
					}
					copy(start[i].Grad, p.Grad)
				}
				lr := 0.1 * math.Abs(math.Sin(float64(k))) // 0 at first, as in a warm-up
				switch k {
				case 0:
					ours = express(t, pool, start, rule, options)
				case 5: // resume with the kernels' state
					state := plain.State()
					for i := range theirs {
						copy(start[i].Value, theirs[i].Value)
					}
					ours = express(t, pool, start, rule, options)
					if err := ours.opt.Load(state); err != nil {
						t.Fatal(err)
					}
				}
				plain.Step(pool, lr)
				ours.step(t, lr)
				for i, p := range theirs {
					alike(t, fmt.Sprintf("step %d: %s", k, p.Name), ours.params[i].Value, p.Value)
				}
				for name, state := range plain.State() {
					alike(t, fmt.Sprintf("step %d: state %s", k, name), ours.opt.State()[name], state)
				}
			}
		})
	}
}

func drawParams() []optim.Param {
	r := rand.New(rand.NewPCG(3, 3))
	var params []optim.Param
	for _, p := range []struct {
		name  string
		shape []int
	}{{"conv", []int{3, 3, 5, 7}}, {"scale", []int{7}}, {"predictor.0.weight", []int{11, 6}}, {"zero", []int{4, 4}}, {"still", []int{2, 3}}} {
		n := 1
		for _, d := range p.shape {
			n *= d
		}
		v := make([]float32, n)
		for i := range v {
			if p.name != "zero" {
				v[i] = float32(r.NormFloat64())
			}
		}
		params = append(params, optim.Param{Name: p.name, Value: v, Grad: make([]float32, n), Shape: slices.Clone(p.shape)})
	}
	return params
}

// alike compares within a millionth of the largest number.
func alike(t *testing.T, what string, got, want []float32) {
	t.Helper()
	var largest float64
	for _, v := range want {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= 1e-6*largest) {
			t.Fatalf("%s[%d] is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// TestFollow compares the moving average of a plan with the kernel's.
func TestFollow(t *testing.T) {
	pool := newPool(t, 2)
	theirs := drawParams()
	target, online := slices.Clone(theirs[0].Value), theirs[0].Value
	slices.Reverse(target)
	average, err := optim.NewAverage([]optim.Pair{{Target: target, Online: online}})
	if err != nil {
		t.Fatal(err)
	}
	b := expr.New()
	in, next, keep, rest := b.Input("target", len(target)), b.Input("online", len(target)), b.Input("keep"), b.Input("rest")
	plan, err := engine.CompileStep(engine.FP32, nil, []engine.Update{{Input: in, Value: optim.Follow(in, next, keep, rest)}})
	if err != nil {
		t.Fatal(err)
	}
	exe, err := cpu.New(pool).Load(plan)
	if err != nil {
		t.Fatal(err)
	}
	ours, rates := slices.Clone(target), make([]float32, 2)
	if err := errors.Join(exe.Hold(in, ours), exe.Bind(next, online), exe.Bind(keep, rates[:1]), exe.Bind(rest, rates[1:])); err != nil {
		t.Fatal(err)
	}
	for k := range 10 {
		m := 0.99 + 0.001*float64(k)
		average.Step(pool, m)
		rates[0], rates[1] = optim.AverageRates(m)
		if err := exe.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		alike(t, fmt.Sprintf("step %d", k), ours, target)
	}
}
