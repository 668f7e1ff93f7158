package optim_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/optim"
)

// golden is testdata/optim.json, made by testdata/make_golden.py with torch in float64.
type golden struct {
	Shapes     map[string][]int
	Rates      []float64
	Start      map[string][]float32
	Grads      []map[string][]float32
	After      map[string][]map[string][]float64
	VicregRate []float64 `json:"vicreg_rate"`
	ByolTau    []float64 `json:"byol_tau"`
	Warmup     []float64 `json:"torch_warmup"`
}

var names = []string{"weight", "bias", "conv", "scale", "zero", "still"}

func readGolden(t *testing.T) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/optim.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g golden) params() []optim.Param {
	var ps []optim.Param
	for _, name := range names {
		v := append([]float32(nil), g.Start[name]...)
		ps = append(ps, optim.Param{Name: name, Value: v, Grad: make([]float32, len(v)), Shape: g.Shapes[name]})
	}
	return ps
}

func (g golden) load(ps []optim.Param, step int) {
	for _, p := range ps {
		copy(p.Grad, g.Grads[step][p.Name])
	}
}

var rules = map[string]optim.Rule{
	"sgd":                  optim.SGD{},
	"sgd-momentum-decay":   optim.SGD{Momentum: .9, WeightDecay: 1e-2},
	"sgd-nesterov":         optim.SGD{Momentum: .9, WeightDecay: 1e-2, Nesterov: true},
	"sgd-matrices":         optim.SGD{Momentum: .9, WeightDecay: 1e-2, DecayMatricesOnly: true},
	"adamw":                optim.AdamW{WeightDecay: .1},
	"adamw-betas-matrices": optim.AdamW{Beta1: .8, Beta2: .99, Epsilon: 1e-6, WeightDecay: .1, DecayMatricesOnly: true},
	"lars":                 optim.LARS{Momentum: .9, WeightDecay: 1e-2},
	"lars-clip":            optim.LARS{Momentum: .9, WeightDecay: 1e-2, Eta: .02, Clip: true},
}

func TestRulesFollowTorch(t *testing.T) {
	g := readGolden(t)
	if len(g.After) != len(rules) {
		t.Fatalf("golden has %d cases, the test %d", len(g.After), len(rules))
	}
	pool := newPool(t, 2)
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			ps := g.params()
			o, err := optim.New(ps, rule, optim.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for s, lr := range g.Rates {
				g.load(ps, s)
				o.Step(pool, lr)
				for _, p := range ps {
					near(t, p.Value, g.After[name][s][p.Name], 2e-6, p.Name)
				}
			}
		})
	}
}

func near(t *testing.T, got []float32, want []float64, tol float64, what string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range got {
		if d := math.Abs(float64(got[i]) - want[i]); !(d <= tol*max(1, math.Abs(want[i]))) {
			t.Fatalf("%s[%d] = %v, want %v", what, i, got[i], want[i])
		}
	}
}

func TestResumeIsExact(t *testing.T) {
	g := readGolden(t)
	pool := newPool(t, 1)
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			straight, first := g.params(), g.params()
			a, _ := optim.New(straight, rule, optim.Options{})
			b, _ := optim.New(first, rule, optim.Options{})
			var second []optim.Param
			for s, lr := range g.Rates {
				g.load(straight, s)
				a.Step(pool, lr)
				if s == 2 {
					second = copies(first)
					c, _ := optim.New(second, rule, optim.Options{})
					if err := c.Load(b.State()); err != nil {
						t.Fatal(err)
					}
					first, b = second, c
				}
				g.load(first, s)
				b.Step(pool, lr)
			}
			for i, p := range straight {
				for j := range p.Value {
					if p.Value[j] != first[i].Value[j] {
						t.Fatalf("%s[%d] = %v after resuming, %v without", p.Name, j, first[i].Value[j], p.Value[j])
					}
				}
			}
		})
	}
}

func copies(ps []optim.Param) []optim.Param {
	out := append([]optim.Param(nil), ps...)
	for i := range out {
		out[i].Value = append([]float32(nil), ps[i].Value...)
		out[i].Grad = append([]float32(nil), ps[i].Grad...)
	}
	return out
}

func TestLoadRefusesAnotherState(t *testing.T) {
	g := readGolden(t)
	o, _ := optim.New(g.params(), optim.AdamW{}, optim.Options{})
	cases := map[string]func(map[string][]float32){
		"missing":    func(s map[string][]float32) { delete(s, "exp_avg.conv") },
		"belongs":    func(s map[string][]float32) { s["momentum_buffer.conv"] = []float32{1} },
		"elements":   func(s map[string][]float32) { s["exp_avg.bias"] = []float32{1} },
		"step count": func(s map[string][]float32) { s["step"] = []float32{-1} },
	}
	for want, spoil := range cases {
		state := o.State()
		spoil(state)
		err := o.Load(state)
		if err == nil || !strings.Contains(err.Error(), want) || fault.CodeOf(err) != fault.Data {
			t.Errorf("%s: error %v with code %d", want, err, fault.CodeOf(err))
		}
	}
}

// TestRates moves each parameter by one plain step and reads the rate off the change.
func TestRates(t *testing.T) {
	param := func(name string, shape ...int) optim.Param {
		return optim.Param{Name: name, Value: []float32{0, 0}, Grad: []float32{1, 1}, Shape: shape}
	}
	ps := []optim.Param{param("backbone.w", 1, 2), param("backbone.b", 2), param("predictor.w", 2, 1), param("predictor.b", 2)}
	o, err := optim.New(ps, optim.SGD{}, optim.Options{LR: 0.5, Rates: []optim.Rate{
		{Prefix: "predictor.", Scale: 10, Fixed: true}, {OneDim: true, Scale: 0.25},
	}})
	if err != nil {
		t.Fatal(err)
	}
	o.Step(newPool(t, 1), 0.125)
	for i, want := range []float64{-0.125, -0.03125, -5, -5} {
		near(t, ps[i].Value, []float64{want, want}, 0, ps[i].Name)
	}
}

func TestNewRefuses(t *testing.T) {
	ok := optim.Param{Name: "w", Value: make([]float32, 2), Grad: make([]float32, 2), Shape: []int{2}}
	short := ok
	short.Grad = []float32{}
	nameless := ok
	nameless.Name = ""
	for name, c := range map[string]struct {
		params []optim.Param
		rule   optim.Rule
		o      optim.Options
	}{
		"short gradient":   {[]optim.Param{short}, optim.SGD{}, optim.Options{}},
		"no name":          {[]optim.Param{nameless}, optim.SGD{}, optim.Options{}},
		"twice":            {[]optim.Param{ok, ok}, optim.SGD{}, optim.Options{}},
		"momentum of 1":    {[]optim.Param{ok}, optim.SGD{Momentum: 1}, optim.Options{}},
		"NaN decay":        {[]optim.Param{ok}, optim.LARS{WeightDecay: math.NaN()}, optim.Options{}},
		"negative epsilon": {[]optim.Param{ok}, optim.AdamW{Epsilon: -1}, optim.Options{}},
		"plain Nesterov":   {[]optim.Param{ok}, optim.SGD{Nesterov: true}, optim.Options{}},
		"negative rate":    {[]optim.Param{ok}, optim.SGD{}, optim.Options{LR: -1}},
		"unmatched prefix": {[]optim.Param{ok}, optim.SGD{}, optim.Options{Rates: []optim.Rate{{Prefix: "head", Scale: 1}}}},
		"negative factor":  {[]optim.Param{ok}, optim.SGD{}, optim.Options{Rates: []optim.Rate{{Scale: -1}}}},
	} {
		if _, err := optim.New(c.params, c.rule, c.o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestThreadsDoNotChangeBits runs tensors of several chunks with one and with four threads.
func TestThreadsDoNotChangeBits(t *testing.T) {
	for name, rule := range rules {
		t.Run(name, func(t *testing.T) {
			var results [2][]optim.Param
			for r, threads := range []int{1, 4} {
				ps := []optim.Param{wave("a", 40_000, 1), wave("b", 33_333, 2), wave("c", 7, 3)}
				o, err := optim.New(ps, rule, optim.Options{})
				if err != nil {
					t.Fatal(err)
				}
				pool := newPool(t, threads)
				for range 3 {
					o.Step(pool, 0.1)
				}
				results[r] = ps
			}
			for i, p := range results[0] {
				for j := range p.Value {
					if math.Float32bits(p.Value[j]) != math.Float32bits(results[1][i].Value[j]) {
						t.Fatalf("%s[%d] is %v with one thread, %v with four", p.Name, j, p.Value[j], results[1][i].Value[j])
					}
				}
			}
		})
	}
}

// wave is a [1, n] parameter with values and gradients that differ by position.
func wave(name string, n int, phase float64) optim.Param {
	p := optim.Param{Name: name, Value: make([]float32, n), Grad: make([]float32, n), Shape: []int{1, n}}
	for i := range n {
		p.Value[i] = float32(math.Sin(0.37*float64(i) + phase))
		p.Grad[i] = float32(math.Cos(0.73*float64(i) + phase))
	}
	return p
}

func TestSchedules(t *testing.T) {
	g := readGolden(t)
	vicreg := optim.Schedule{LR: 0.8, Warmup: 10, Total: 40, Final: 0.001}
	tau := optim.Momentum{Base: 0.99, Final: 1, Total: 40}
	for k := range 41 {
		if got, want := vicreg.At(k), g.VicregRate[k]; math.Abs(got-want) > 1e-15 {
			t.Errorf("rate of step %d is %g, want %g", k, got, want)
		}
		if got, want := tau.At(k), g.ByolTau[k]; math.Abs(got-want) > 1e-15 {
			t.Errorf("momentum of step %d is %g, want %g", k, got, want)
		}
	}
	warm := optim.Schedule{LR: 1, Warmup: 5, Start: 0.1, Total: 10, Constant: true}
	for k, want := range append(g.Warmup, 1, 1, 1) {
		if got := warm.At(k); math.Abs(got-want) > 1e-15 {
			t.Errorf("constant schedule at step %d is %g, want %g", k, got, want)
		}
	}
	held := optim.Schedule{LR: 1, Total: 40, Hold: 10}
	for k := range 40 {
		if got, want := held.At(k), (optim.Schedule{LR: 1, Total: 40}).At(k/10*10); got != want {
			t.Errorf("held schedule at step %d is %g, want %g", k, got, want)
		}
	}
	if got := (optim.Momentum{Base: 0.9, Final: 1, Total: 4, Constant: true}).At(3); got != 0.9 {
		t.Errorf("constant momentum is %g", got)
	}
}

func TestScheduleCheck(t *testing.T) {
	good := optim.Schedule{LR: 1, Total: 10, Warmup: 2}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*optim.Schedule){
		"rate":   func(s *optim.Schedule) { s.LR = math.NaN() },
		"total":  func(s *optim.Schedule) { s.Total = 0 },
		"warmup": func(s *optim.Schedule) { s.Warmup = 11 },
		"final":  func(s *optim.Schedule) { s.Final = 2 },
		"hold":   func(s *optim.Schedule) { s.Hold = -1 },
	} {
		s := good
		spoil(&s)
		if fault.CodeOf(s.Check()) != fault.Usage {
			t.Errorf("%s: %v", name, s.Check())
		}
	}
}

func TestAverage(t *testing.T) {
	target, online := []float32{1, 2, 3}, []float32{5, 2, -1}
	a, err := optim.NewAverage([]optim.Pair{{Target: target, Online: online}})
	if err != nil {
		t.Fatal(err)
	}
	a.Step(newPool(t, 1), 0.75)
	near(t, target, []float64{2, 2, 2}, 1e-7, "target")
	if _, err := optim.NewAverage([]optim.Pair{{Target: target, Online: online[:1]}}); err == nil {
		t.Error("unequal lengths: no error")
	}
}
