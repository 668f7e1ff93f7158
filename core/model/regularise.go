package model

import (
	"fmt"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/sdk/expr"
)

// regularise adds each penalty to the loss, in order, and to the terms: under its own name, or with "reg." before it where
// the objective has a term of that name.
func (m *Model) regularise(s Spec) error {
	taken := map[string]bool{}
	for _, t := range m.Terms {
		taken[t.Name] = true
	}
	for _, r := range s.Regularisers {
		penalty, err := m.penalty(r)
		if err != nil {
			return err
		}
		name := r.Term
		if name == "" {
			name = r.Name
		}
		if taken[name] {
			name = "reg." + name
		}
		if taken[name] {
			return fault.New(fault.Usage, "name each regulariser once", "two regularisers make a term named %q", name)
		}
		taken[name] = true
		m.Terms = append(m.Terms, Term{Name: name, Weight: r.Weight, Value: penalty})
		m.Loss = m.Loss.Add(penalty.Scale(r.Weight))
	}
	return nil
}

func (m *Model) penalty(r Regulariser) (expr.Tensor, error) {
	on, err := m.place(r)
	if err != nil {
		return expr.Tensor{}, err
	}
	inputs := map[string]expr.Tensor{}
	for i, t := range on {
		if r.Unit {
			t = t.L2Normalise()
		}
		inputs[fmt.Sprint("z", i)] = t
	}
	out, err := r.Program.Build(m.Builder, inputs)
	if err != nil {
		return expr.Tensor{}, fault.New(fault.Plugin, "", "build the regulariser %s: %w", r.Name, err)
	}
	penalty, ok := out["penalty"]
	if !ok || len(penalty.Shape()) != 0 {
		return expr.Tensor{}, fault.New(fault.Plugin, "", "the regulariser %s has no scalar output named penalty", r.Name)
	}
	return penalty, nil
}

func (m *Model) place(r Regulariser) ([]expr.Tensor, error) {
	switch {
	case r.On == "z":
		return m.Z, nil
	case r.On == "y":
		return m.Y, nil
	case r.On == "p" && len(m.P) > 0:
		return m.P, nil
	case r.On == "p":
		return nil, fault.New(fault.Usage, "choose reg.on=z or reg.on=y", "the regulariser %s shall act on predictions, but the method has no predictor", r.Name)
	}
	return nil, fault.New(fault.Usage, "choose z, p or y", "the regulariser %s shall act on %q", r.Name, r.On)
}
