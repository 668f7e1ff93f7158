package model

import (
	"fmt"
	"strings"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// Build makes the graph of a training step and differentiates it. Errors of the recipe or the objective carry
// fault.Plugin, those of sizes fault.Usage.
func Build(s Spec) (*Model, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	b := expr.New()
	m := &Model{Builder: b, Pixels: b.Input("pixels", s.Views*s.Batch, s.Size, s.Size, s.Channels)}
	store := nn.NewStore(b)
	m.embed(s, store)
	if b.Err() != nil {
		return nil, fault.New(fault.Usage, "choose another backbone, or larger images", "build the network: %w", b.Err())
	}
	if err := m.objective(s); err != nil {
		return nil, err
	}
	if err := m.regularise(s); err != nil {
		return nil, err
	}
	return m, m.differentiate(store)
}

func (s Spec) check() error {
	switch {
	case s.Backbone == nil || s.Method == nil || s.Method.Program == nil:
		return fmt.Errorf("a model needs a backbone and a traced method")
	case s.Batch < 2:
		return fault.New(fault.Usage, "choose a larger batch", "batch of %d: batch statistics need at least 2 images", s.Batch)
	case s.Views < 1 || s.Channels < 1 || s.Size < 1:
		return fault.New(fault.Usage, "", "%d views of %d channels and %d pixels: each must be at least 1", s.Views, s.Channels, s.Size)
	case s.Method.Recipe.Unshared && s.Method.Recipe.Target != nil:
		return fault.New(fault.Usage, "set one of the two", "branches with weights of their own cannot have a target branch")
	}
	return nil
}

// objective replays the method's program over the embeddings.
func (m *Model) objective(s Spec) error {
	inputs := map[string]expr.Tensor{}
	for role, views := range map[string][]expr.Tensor{"z": m.Z, "p": m.P, "t": m.T, "y": m.Y} {
		for i, t := range views {
			inputs[fmt.Sprint(role, i)] = t
		}
	}
	out, err := s.Method.Program.Build(m.Builder, inputs)
	if err != nil {
		return fault.New(fault.Plugin, "the method's objective and recipe contradict each other", "build the objective: %w", err)
	}
	var ok bool
	if m.Loss, ok = out["loss"]; !ok || len(m.Loss.Shape()) != 0 {
		return fault.New(fault.Plugin, "", "the objective has no scalar output named loss")
	}
	for _, name := range s.Method.Terms {
		value, ok := out["term."+name]
		if !ok || len(value.Shape()) != 0 {
			return fault.New(fault.Plugin, "", "the objective has no scalar output named term.%s", name)
		}
		m.Terms = append(m.Terms, Term{Name: name, Weight: s.Method.Weights[name], Value: value})
	}
	return nil
}

// differentiate adds the gradient of every trained parameter, and collects parameters, buffers and pairs.
func (m *Model) differentiate(store *nn.Store) error {
	m.Buffers = store.Buffers()
	var trained []expr.Tensor
	for _, p := range store.Params() {
		m.Params = append(m.Params, Param{Param: p})
		if p.Frozen {
			m.Pairs = append(m.Pairs, Pair{Target: p.Name, Online: strings.TrimPrefix(p.Name, targetPrefix)})
		} else {
			trained = append(trained, p.Tensor)
		}
	}
	grads, err := m.Builder.Grad(m.Loss, trained...)
	if err != nil {
		return fault.New(fault.Plugin, "", "differentiate the loss: %w", err)
	}
	for i, p := range m.Params {
		if p.Frozen {
			continue
		}
		if grads[0].Node() == nil {
			return fault.New(fault.Plugin, "leave out the head that the objective does not read", "parameter %s has no influence on the loss", p.Name)
		}
		m.Params[i].Grad, grads = grads[0], grads[1:]
	}
	return nil
}
