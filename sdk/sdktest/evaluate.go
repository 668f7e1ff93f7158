package sdktest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/exprtest"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// seed of the embeddings: standard normal, a function of seed and input name.
const seed = 7

// embeddings draws a value for each input of a program.
func embeddings(p *expr.Program) map[string][]float32 {
	out := map[string][]float32{}
	for _, port := range p.Inputs {
		v := make([]float32, port.Shape.TotalSize())
		nn.Init{Dist: nn.Normal, Scale: 1}.Draw(v, seed, port.Name)
		out[port.Name] = v
	}
	return out
}

// evaluator is a scalar of a graph with its gradients.
type evaluator struct {
	loss  expr.Tensor
	grads map[string]expr.Tensor // by the input that it belongs to
}

// newEvaluator is of a program's loss, by the inputs that have a gradient. It builds the graph anew: shapes are inferred, not
// believed.
func newEvaluator(p *expr.Program, loss string) (*evaluator, error) {
	b := expr.New()
	inputs := map[string]expr.Tensor{}
	var wrt []expr.Tensor
	for _, port := range p.Inputs {
		inputs[port.Name] = b.Input(port.Name, port.Shape...)
		wrt = append(wrt, inputs[port.Name])
	}
	outputs, err := p.Build(b, inputs)
	if err != nil {
		return nil, err
	}
	e := &evaluator{grads: map[string]expr.Tensor{}}
	if e.loss = outputs[loss]; e.loss.Node() == nil || len(e.loss.Shape()) != 0 {
		return nil, fmt.Errorf("the program has no scalar output %q", loss)
	}
	grads, err := b.Grad(e.loss, wrt...)
	if err != nil {
		return nil, err
	}
	for i, port := range p.Inputs {
		// The target branch has no gradient whatever the program says: the host stops it there.
		if grads[i].Node() != nil && !strings.HasPrefix(port.Name, "t") {
			e.grads[port.Name] = grads[i]
		}
	}
	return e, nil
}

func (e *evaluator) value(at map[string][]float32) (float64, error) {
	v, err := exprtest.Eval(at, e.loss)
	if err != nil {
		return 0, err
	}
	return float64(v[0][0]), nil
}

// gradients are the values of all gradients, with the loss.
func (e *evaluator) gradients(at map[string][]float32) (loss float64, grads map[string][]float32, err error) {
	names := slices.Sorted(maps.Keys(e.grads))
	outputs := []expr.Tensor{e.loss}
	for _, name := range names {
		outputs = append(outputs, e.grads[name])
	}
	values, err := exprtest.Eval(at, outputs...)
	if err != nil {
		return 0, nil, err
	}
	grads = map[string][]float32{}
	for i, name := range names {
		grads[name] = values[i+1]
	}
	return float64(values[0][0]), grads, nil
}

// frozen is a program in which what a stop-gradient holds back is an input of its own, so that a finite difference leaves it
// alone as the gradient does. It also returns the program that computes those inputs, nil where there are none.
func frozen(p *expr.Program) (open, stops *expr.Program) {
	open = &expr.Program{Inputs: slices.Clone(p.Inputs), Ops: p.Ops}
	stops = &expr.Program{Inputs: p.Inputs, Steps: p.Steps, Ops: p.Ops}
	now := map[int]int{} // numbers of values in open
	for i := range p.Inputs {
		now[i] = i
	}
	for i, step := range p.Steps {
		if step.Kind == expr.StopGradient {
			name := fmt.Sprint("stopped", len(stops.Outputs))
			now[len(p.Inputs)+i] = len(open.Inputs)
			open.Inputs = append(open.Inputs, expr.Port{Name: name, Shape: step.Shape})
			stops.Outputs = append(stops.Outputs, expr.Output{Name: name, Value: len(p.Inputs) + i})
		}
	}
	for i, step := range p.Steps {
		if step.Kind == expr.StopGradient {
			continue
		}
		moved := step
		moved.In = make([]int, len(step.In))
		for j, at := range step.In {
			moved.In[j] = now[at]
		}
		now[len(p.Inputs)+i] = len(open.Inputs) + len(open.Steps)
		open.Steps = append(open.Steps, moved)
	}
	for _, o := range p.Outputs {
		open.Outputs = append(open.Outputs, expr.Output{Name: o.Name, Value: now[o.Value]})
	}
	if len(stops.Outputs) == 0 {
		stops = nil
	}
	return open, stops
}

// evaluate computes all outputs of a program, by name.
func evaluate(p *expr.Program, at map[string][]float32) (map[string][]float32, error) {
	b := expr.New()
	inputs := map[string]expr.Tensor{}
	for _, port := range p.Inputs {
		inputs[port.Name] = b.Input(port.Name, port.Shape...)
	}
	built, err := p.Build(b, inputs)
	if err != nil {
		return nil, err
	}
	var tensors []expr.Tensor
	for _, o := range p.Outputs {
		tensors = append(tensors, built[o.Name])
	}
	values, err := exprtest.Eval(at, tensors...)
	if err != nil {
		return nil, err
	}
	out := map[string][]float32{}
	for i, o := range p.Outputs {
		out[o.Name] = values[i]
	}
	return out, nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func allFinite(v []float32) bool {
	return !slices.ContainsFunc(v, func(x float32) bool { return !finite(float64(x)) })
}
