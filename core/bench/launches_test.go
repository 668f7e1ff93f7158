package bench

import (
	"errors"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
	"github.com/sslctl/sslctl/core/optim"
	"github.com/sslctl/sslctl/sdk/expr"
)

// planned is a device that keeps the plan and loads nothing.
type planned struct {
	engine.Device
	plan *engine.Plan
}

var errPlanned = errors.New("planned")

func (d *planned) Load(p *engine.Plan) (engine.Executable, error) {
	d.plan = p
	return nil, errPlanned
}

// Distant says that the device would hold parameters.
func (d *planned) Distant() {}

// TestLaunches counts the kernels that a GPU launches in a training step beside the libraries' convolutions and products: those
// of batch norm, which are several a layer, and few for the running statistics and for an optimiser, whatever the number of
// parameters. LARS takes more: the norms of each large tensor, and what follows from them, are launches of their own, since to
// wait for those of the others would keep all gradients and their squares in memory at once.
func TestLaunches(t *testing.T) {
	for _, tc := range []struct {
		name string
		rule optim.Rule
		most int
	}{
		{"sgd", stepRule, 260},
		{"adamw", optim.AdamW{WeightDecay: 0.01}, 290},
		{"lars", optim.LARS{Momentum: 0.9, WeightDecay: 1e-4}, 415},
		{"lars clipped", optim.LARS{Momentum: 0.9, WeightDecay: 1e-4, Clip: true}, 435},
	} {
		t.Run(tc.name, func(t *testing.T) {
			instrs, launches := countLaunches(t, tc.rule)
			t.Logf("%d instructions, %d launches", instrs, launches)
			if launches > tc.most {
				t.Errorf("%d launches for %d instructions; they were at most %d", launches, instrs, tc.most)
			}
		})
	}
}

// countLaunches counts what of a step with an optimiser is left for sslctl's own kernels, and their launches.
func countLaunches(t *testing.T, rule optim.Rule) (instrs, launches int) {
	t.Helper()
	s, err := buildStep(t.Context(), nil, StepOptions{Net: "r18", Steps: 1, Precision: engine.BF16, Trace: traced})
	if err != nil {
		t.Fatal(err)
	}
	d := &planned{}
	if _, err := s.reside(d, rule); !errors.Is(err, errPlanned) {
		t.Fatal(err)
	}
	libraries := func(i int) bool {
		switch d.plan.Instrs[i].Kind {
		case expr.MatMul, expr.Conv2D, expr.Conv2DGradX, expr.Conv2DGradW:
			return true
		}
		return false
	}
	for _, g := range kernels.Groups(d.plan, libraries) {
		if libraries(g[0]) {
			continue
		}
		l, err := kernels.Lower(d.plan, g...)
		if err != nil {
			t.Fatal(err)
		}
		instrs, launches = instrs+len(g), launches+len(l.Calls)
	}
	return instrs, launches
}
