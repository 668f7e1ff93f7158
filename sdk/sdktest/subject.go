package sdktest

import (
	"context"
	"errors"
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin/client"
	"github.com/sslctl/sslctl/sdk/wire"
	"github.com/sslctl/sslctl/sdk/wire/diag"
)

// Subject is what is checked, in this process or in a plugin's: how to ask it.
type Subject struct {
	Kind     wire.Kind
	Describe func(ctx context.Context) (method.Description, error)
	// Trace writes the objective or penalty down. unit says that a regulariser's rows were l2-normalised.
	Trace func(ctx context.Context, params map[string]any, s method.Shapes, unit bool) (Objective, error)
}

// Objective is a traced loss.
type Objective struct {
	Program *expr.Program
	Loss    string        // the output that is minimised
	Recipe  method.Recipe // of a method
}

// Of is the objective of a method's answer.
func Of(t *method.Traced) Objective {
	return Objective{Program: t.Program, Loss: "loss", Recipe: t.Recipe}
}

// OfPenalty is the objective of a regulariser's answer.
func OfPenalty(p *expr.Program) Objective { return Objective{Program: p, Loss: "penalty"} }

// Method is a method of this process as a subject.
func Method(m method.Method) Subject {
	return Subject{Kind: wire.Method,
		Describe: func(context.Context) (method.Description, error) { return m.Describe(), nil },
		Trace: func(_ context.Context, params map[string]any, s method.Shapes, _ bool) (Objective, error) {
			t, err := method.Trace(m, params, s)
			if err != nil {
				return Objective{}, err
			}
			return Of(t), nil
		}}
}

// Regulariser is a regulariser of this process as a subject.
func Regulariser(r method.Regulariser) Subject {
	return Subject{Kind: wire.Regulariser,
		Describe: func(context.Context) (method.Description, error) { return r.Describe(), nil },
		Trace: func(_ context.Context, params map[string]any, s method.Shapes, unit bool) (Objective, error) {
			p, err := method.TraceRegulariser(r, params, s, unit)
			if err != nil {
				return Objective{}, err
			}
			return OfPenalty(p), nil
		}}
}

// diagnose finds the hyper-parameter or the line that an error is about, also where a plugin's process found it.
func diagnose(err error) diag.Diagnostic {
	d := diag.Of(err)
	var refusal *client.Refusal
	if errors.As(err, &refusal) && len(refusal.Diagnostics) > 0 {
		d.Param, d.Source = refusal.Diagnostics[0].Param, refusal.Diagnostics[0].Source
	}
	return d
}

// small are shapes for which finite differences are quick. Rows and columns differ, so that a mixed-up axis shows.
func small(k wire.Kind) method.Shapes {
	s := method.Shapes{Batch: 8, Views: 2, Embedding: 5}
	if k == wire.Method {
		s.Representation = 7
	}
	return s
}

// trace traces with the defaults for small shapes.
func (s Subject) trace(ctx context.Context) (Objective, error) {
	o, err := s.Trace(ctx, nil, small(s.Kind), false)
	if err != nil {
		return o, fmt.Errorf("trace with the defaults: %w", err)
	}
	return o, nil
}
