package train

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/probe/collapse"
	"github.com/sslctl/sslctl/core/run"
)

// watched is the number of rows of a batch whose spectrum is taken while training: its eigenvalues take some hundredths
// of a second.
const watched = 256

// health is what the watch over the embeddings saw last.
type health struct {
	pulse    collapse.Pulse
	spectrum collapse.Spectrum
	verdict  collapse.Verdict
	width    int
	seen     bool
}

// watch measures the embeddings of the current step as often as the configuration asks, and reports whether it did.
func (t *trainer) watch() (bool, error) {
	if t.step != 1 && t.step%t.job.Config.Collapse.Every != 0 && t.step != t.total {
		return false, nil
	}
	z := t.net.model.Z
	n, d := z[0].Dim(0), z[0].Dim(1)
	first, second := t.net.exe.Read(z[0]), t.net.exe.Read(z[min(1, len(z)-1)])
	rows := min(n, watched)
	// Short enough not to be interrupted.
	spectrum, err := collapse.Analyse(context.Background(), first[:rows*d], rows, d)
	if err != nil {
		return false, err
	}
	t.health = health{pulse: collapse.Live(first, second, n, d), spectrum: spectrum, width: d, seen: true}
	t.health.verdict = collapse.Judge(spectrum, t.context())
	return true, nil
}

// collapsed reports whether the run shall end for its embeddings. Before the warm-up is over they may be anything, and a
// verdict on them would be rash.
func (t *trainer) collapsed() bool {
	return t.job.Config.Collapse.Stop && t.step > t.opt.schedule.Warmup && t.health.seen && t.health.verdict.Kind != collapse.None
}

// giveUp keeps the state and says what collapsed and what to change.
func (t *trainer) giveUp() error {
	v := t.health.verdict
	if err := t.save(); err != nil {
		return err
	}
	return fault.New(fault.Diverged, strings.Join(v.Advice, "; "), "the embeddings have collapsed at step %d (%s): %s",
		t.step, v.Kind, strings.Join(v.Evidence, "; "))
}

// context is what a verdict must know of the objective.
func (t *trainer) context() collapse.Context {
	m := t.net.model
	c := contextOf(t.net.spec, m)
	if len(m.P) == 2 {
		n, d := m.P[0].Dim(0), m.P[0].Dim(1)
		c.PredictionCosine = collapse.MeanCosine(t.net.exe.Read(m.P[0]), t.net.exe.Read(m.Z[1]), n, d)
	}
	return c
}

// contextOf reads off the model whether the objective sees lengths, and the weights of the regularising terms.
func contextOf(s model.Spec, m *model.Model) collapse.Context {
	c := collapse.Context{Predictor: s.Method.Recipe.Predictor != nil, Unit: readsDirections(s)}
	for _, t := range m.Terms {
		switch strings.TrimPrefix(t.Name, "reg.") {
		case "variance":
			c.Variance = max(c.Variance, t.Weight)
		case "covariance":
			c.Covariance = max(c.Covariance, t.Weight)
		}
	}
	return c
}

// phrase is the health in the progress line.
func (h health) phrase() string {
	if !h.seen {
		return ""
	}
	s := fmt.Sprintf("std %.2f/√d  |corr| %.2f", h.pulse.UnitStd*math.Sqrt(float64(h.width)), h.pulse.Correlation)
	if h.verdict.Kind != collapse.None {
		s += "  COLLAPSE: " + string(h.verdict.Kind)
	}
	return s
}

// into adds the measurements to a record.
func (h health) into(r *run.Record) {
	r.Values[run.Std], r.Values[run.Spread] = h.pulse.UnitStd, h.pulse.Spread
	r.Values[run.Corr], r.Values[run.Norm] = h.pulse.Correlation, h.pulse.Norm
	r.Values[run.RankMe] = h.spectrum.RankMe
	r.Vectors = map[string][]float64{run.Eigenvalues: h.spectrum.Eigenvalues}
}
