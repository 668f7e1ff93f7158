package bench

import (
	"context"
	"slices"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/optim"
	"github.com/sslctl/sslctl/sdk/expr"
)

// TimeStepOn is [TimeStep] on a device with memory of its own: the whole step, optimiser and all, is one plan of the device's,
// and images, parameters and state stay there, as the peer's do. There is no time of single stages, nor a measured peak; Memory
// is the device's.
func TimeStepOn(ctx context.Context, d engine.Distant, o StepOptions) (Step, error) {
	s, err := buildStep(ctx, nil, o)
	if err != nil {
		return Step{}, err
	}
	exe, err := s.reside(d, stepRule)
	if err != nil {
		return Step{}, err
	}
	defer exe.Close()
	if _, err := timeEach(ctx, o.Warmup, exe.Run); err != nil {
		return Step{}, err
	}
	times, err := timeEach(ctx, o.Steps, exe.Run)
	if err != nil {
		return Step{}, err
	}
	r := s.figures(times)
	r.Device, r.Loss = d.Name(), float64(exe.Read(s.model.Loss)[0])
	if m, ok := exe.(interface{ Memory() int }); ok {
		r.Memory = m.Memory()
	}
	return r, nil
}

// reside plans the step with an optimiser's updates and those of batch norm's statistics, loads it and gives it its numbers.
func (s *stepper) reside(d engine.Distant, r optim.Rule) (engine.Executable, error) {
	values := s.model.Init(0)
	grads, inputs := map[string]expr.Tensor{}, map[string]expr.Tensor{}
	var params []optim.Param
	var held []optim.Memory
	for _, p := range s.model.Params {
		grads[p.Name], inputs[p.Name] = p.Grad, p.Tensor
		s.parameters += len(values[p.Name])
		params = append(params, optim.Param{Name: p.Name, Value: values[p.Name], Shape: p.Shape})
		held = append(held, optim.Memory{Input: p.Tensor, Data: values[p.Name]})
	}
	rule, err := optim.New(params, r, optim.Options{})
	if err != nil {
		return nil, err
	}
	b := s.model.Builder
	step, err := rule.Express(b, func(name string) (value, grad expr.Tensor) { return inputs[name], grads[name] })
	if err != nil {
		return nil, err
	}
	step.Set(stepLR, 1)
	updates := slices.Clone(step.Updates)
	for _, buffer := range s.model.Buffers {
		in := b.Input(buffer.Name, buffer.Shape...)
		updates = append(updates, engine.Update{Input: in, Value: buffer.Next(in)})
		held = append(held, optim.Memory{Input: in, Data: values[buffer.Name]})
	}
	held = slices.Concat(held, step.Held, step.Bound, []optim.Memory{{Input: s.model.Pixels, Data: views(s.model.Pixels.Shape())}})
	if s.plan, err = engine.CompileStep(s.precision, []expr.Tensor{s.model.Loss}, updates); err != nil {
		return nil, err
	}
	return loadHeld(d, s.plan, held)
}

// loadHeld loads a plan and gives it what it holds.
func loadHeld(d engine.Device, p *engine.Plan, held []optim.Memory) (engine.Executable, error) {
	exe, err := d.Load(p)
	if err != nil {
		return nil, err
	}
	for _, m := range held {
		if err := exe.Hold(m.Input, m.Data); err != nil {
			exe.Close()
			return nil, err
		}
	}
	return exe, nil
}
