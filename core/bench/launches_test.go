package bench

import (
	"errors"
	"testing"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
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
// of batch norm, which are several a layer, and few for the optimiser and the running statistics together, whatever their number.
func TestLaunches(t *testing.T) {
	s, err := buildStep(t.Context(), nil, StepOptions{Net: "r18", Steps: 1, Precision: engine.BF16, Trace: traced})
	if err != nil {
		t.Fatal(err)
	}
	d := &planned{}
	if _, err := s.reside(d); !errors.Is(err, errPlanned) {
		t.Fatal(err)
	}
	libraries := func(i int) bool {
		switch d.plan.Instrs[i].Kind {
		case expr.MatMul, expr.Conv2D, expr.Conv2DGradX, expr.Conv2DGradW:
			return true
		}
		return false
	}
	instrs, launches := 0, 0
	for i := range d.plan.Instrs {
		if !libraries(i) {
			instrs++
		}
	}
	for _, g := range kernels.Groups(d.plan, libraries) {
		if libraries(g[0]) {
			continue
		}
		l, err := kernels.Lower(d.plan, g...)
		if err != nil {
			t.Fatal(err)
		}
		launches += len(l.Calls)
	}
	t.Logf("%d instructions, %d launches", instrs, launches)
	if launches > 300 {
		t.Errorf("%d launches for %d instructions; they were 259", launches, instrs)
	}
}
