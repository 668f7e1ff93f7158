package method

import (
	"fmt"
	"runtime/debug"

	"github.com/sslctl/sslctl/sdk/expr"
)

// Traced is what a plugin answers: the network to build and the objective as a program. The program's inputs are `z0`,
// `z1`, ... and, where the recipe has them, `p0` and `t0`, and `y0` on request; its outputs are `loss` and `term.NAME`.
type Traced struct {
	Recipe  Recipe
	Program *expr.Program
	Weights map[string]float64 // of each term
	Terms   []string           // in the order of the objective
}

// Shapes fixes what an objective is traced for.
type Shapes struct {
	Batch          int // images, rows of an embedding
	Views          int
	Embedding      int // width of z; 0: the recipe's
	Representation int // width of y; 0: y is not offered
}

// Trace checks hyper-parameters, asks the method for its recipe and writes its objective down.
// A panic of the method is returned as an error.
func Trace(m Method, given map[string]any, s Shapes) (traced *Traced, err error) {
	defer recovered(&err)
	h, err := Complete(m.Describe().Params, given)
	if err != nil {
		return nil, err
	}
	recipe := m.Recipe(h)
	width := s.Embedding
	if width == 0 {
		if len(recipe.Projector) == 0 {
			return nil, fmt.Errorf("the recipe has no projector")
		}
		width = recipe.Projector[len(recipe.Projector)-1].Width
	}
	b := expr.New()
	e := inputs(b, recipe, s, width)
	traced, err = finish(b, m.Objective(e, h))
	if err != nil {
		return nil, err
	}
	traced.Recipe = recipe
	return traced, nil
}

// TraceRegulariser writes a regulariser's penalty over the embeddings of the views down; inputs `z0`, `z1`, ..., output
// `penalty`.
func TraceRegulariser(r Regulariser, given map[string]any, s Shapes, unit bool) (p *expr.Program, err error) {
	defer recovered(&err)
	h, err := Complete(r.Describe().Params, given)
	if err != nil {
		return nil, err
	}
	b := expr.New()
	z := family(b, "z", s.Views, s.Batch, s.Embedding)
	penalty := r.Penalty(z, unit, h)
	if b.Err() != nil {
		return nil, b.Err()
	}
	if len(penalty.Shape()) != 0 {
		return nil, fmt.Errorf("the penalty has the shape %v; it must be a scalar", penalty.Shape())
	}
	return b.Program(expr.Named{Name: "penalty", Value: penalty})
}

func inputs(b *expr.Builder, r Recipe, s Shapes, width int) Embeddings {
	e := Embeddings{b: b, z: family(b, "z", s.Views, s.Batch, width)}
	if r.Predictor != nil {
		e.p = family(b, "p", s.Views, s.Batch, width)
	}
	if r.Target != nil {
		e.t = family(b, "t", s.Views, s.Batch, width)
	}
	if s.Representation > 0 {
		e.y = family(b, "y", s.Views, s.Batch, s.Representation)
	}
	return e
}

func family(b *expr.Builder, role string, views, n, d int) []expr.Tensor {
	out := make([]expr.Tensor, views)
	for i := range out {
		out[i] = b.Input(fmt.Sprintf("%s%d", role, i), n, d)
	}
	return out
}

func (e Embeddings) pick(role string, from []expr.Tensor, view int) expr.Tensor {
	if view < 0 || view >= len(from) {
		return e.b.Fail(fmt.Errorf("there is no %s of view %d; the recipe gives %d", role, view, len(from)))
	}
	return from[view]
}

func finish(b *expr.Builder, l Loss) (*Traced, error) {
	if b.Err() != nil {
		return nil, b.Err()
	}
	total, err := l.Total()
	if err != nil {
		return nil, err
	}
	outputs := []expr.Named{{Name: "loss", Value: total}}
	t := &Traced{Weights: map[string]float64{}}
	for _, term := range l.Terms {
		outputs = append(outputs, expr.Named{Name: "term." + term.Name, Value: term.Value})
		t.Weights[term.Name] = term.Weight
		t.Terms = append(t.Terms, term.Name)
	}
	t.Program, err = b.Program(outputs...)
	return t, err
}

func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the method panicked: %v\n%s", r, debug.Stack())
	}
}
