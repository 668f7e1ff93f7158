package compare

import (
	"slices"

	"github.com/sslctl/sslctl/core/probe/collapse"
	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/stats"
)

// Figure is the accuracy of one probe on one kind of features over the seeds; shares lie in 0 to 1.
type Figure struct {
	Probe    string    `json:"probe"`
	Features string    `json:"features"`
	Seeds    []uint64  `json:"seeds"` // of the runs that have the figure
	Values   []float64 `json:"values"`
	stats.Summary
}

// Judgement is what the runs of a cell came to.
type Judgement struct {
	Figures   []Figure       `json:"figures"`
	Runs      int            `json:"runs"`
	Collapsed int            `json:"collapsed"` // runs that diverged or whose embeddings are all but constant
	Verdicts  map[string]int `json:"verdicts"`  // how many runs have each verdict
}

// diverged is the verdict on a run without a result.
const diverged = "diverged"

func judge(runs []Attempt) Judgement {
	j := Judgement{Runs: len(runs), Verdicts: map[string]int{}}
	for _, a := range runs {
		verdict := a.Result.Collapse.Verdict
		if a.Failed != "" {
			verdict = diverged
		}
		j.Verdicts[verdict]++
		if verdict == diverged || (collapse.Verdict{Kind: collapse.Kind(verdict)}).Collapsed() {
			j.Collapsed++
		}
		if a.Failed == "" {
			for _, p := range a.Result.Probes {
				j.add(p, a.Seed)
			}
		}
	}
	for i, f := range j.Figures {
		j.Figures[i].Summary = stats.Summarise(f.Values)
	}
	return j
}

func (j *Judgement) add(p run.ProbeResult, seed uint64) {
	i := slices.IndexFunc(j.Figures, func(f Figure) bool { return f.Probe == p.Probe && f.Features == p.Features })
	if i < 0 {
		i = len(j.Figures)
		j.Figures = append(j.Figures, Figure{Probe: p.Probe, Features: p.Features})
	}
	f := &j.Figures[i]
	f.Seeds, f.Values = append(f.Seeds, seed), append(f.Values, float64(p.Accuracy))
}

// Figure finds the accuracy of a probe; it is empty where no run has it.
func (j Judgement) Figure(probe, features string) Figure {
	for _, f := range j.Figures {
		if f.Probe == probe && f.Features == features {
			return f
		}
	}
	return Figure{Probe: probe, Features: features}
}

// AllCollapsed reports whether the cell is one of collapse: no run escaped it.
func (j Judgement) AllCollapsed() bool { return j.Runs > 0 && j.Collapsed == j.Runs }

// Difference is a paired test between two cells.
type Difference struct {
	Probe   string `json:"probe"`
	Row     string `json:"row"`
	Column  string `json:"column,omitempty"`
	Against string `json:"against"` // the row or column that is the baseline
	stats.Comparison
}

// contest is a difference to be tested.
type contest struct {
	Difference
	a, b Figure // a less b
}

// settle tests contests, each over the seeds that both sides have, with Holm's correction over all of them.
func settle(contests []contest) ([]Difference, error) {
	names, pairs := make([]string, len(contests)), make([]stats.Paired, len(contests))
	for i, c := range contests {
		a, b := common(c.a, c.b)
		p, err := stats.Pair(a, b)
		if err != nil {
			return nil, err
		}
		names[i], pairs[i] = c.Row, p
	}
	out := make([]Difference, len(contests))
	for i, r := range stats.Resolve(names, pairs) {
		out[i] = contests[i].Difference
		out[i].Comparison = r
	}
	return out, nil
}

// common are the values of the seeds that both figures have.
func common(a, b Figure) (x, y []float64) {
	for i, seed := range a.Seeds {
		if k := slices.Index(b.Seeds, seed); k >= 0 {
			x, y = append(x, a.Values[i]), append(y, b.Values[k])
		}
	}
	return x, y
}
