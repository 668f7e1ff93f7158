package compare

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/stats"
)

// document is a report as every format for people shows it.
type document struct {
	Title, Source, Command string
	Facts                  []Setting
	Tables                 []grid
	Notes                  []string
}

// grid is one table.
type grid struct {
	Caption string
	Head    []head
	Rows    [][]cell
}

type head struct {
	Text  string
	Words bool // a column of words, not of figures
}

// cell is a text with a smaller one after it.
type cell struct {
	Text, Note string
	Tone       string // "good", "bad", "faint" or ""
}

// String is the cell in plain text.
func (c cell) String() string { return strings.TrimSpace(c.Text + " " + c.Note) }

func (r Report) document() document {
	d := document{Title: r.Title, Source: r.Source, Command: r.Command, Facts: r.Budget, Notes: r.Notes}
	if r.Columns != nil {
		d.Tables = append(d.Tables, r.ablationGrid())
	} else {
		d.Tables = append(d.Tables, r.accuracyGrid())
	}
	if g := r.differenceGrid(); len(g.Rows) > 0 {
		d.Tables = append(d.Tables, g)
	}
	return d
}

// interval says what the figures after ± are.
func (r Report) interval() string {
	if r.Seeds < 2 {
		return ", one seed"
	}
	return fmt.Sprintf(", mean ± half of the 95 %% interval over %d seeds", r.Seeds)
}

func (r Report) accuracyGrid() grid {
	g := grid{Caption: "Accuracy on frozen features, %" + r.interval()}
	for _, axis := range r.Axes {
		g.Head = append(g.Head, head{axis, true})
	}
	probes := r.probes()
	for _, p := range probes {
		g.Head = append(g.Head, head{Text: r.words[p]})
	}
	g.Head = append(g.Head, head{"embeddings", true})
	for _, row := range r.Rows {
		cells := labels(row)
		for _, p := range probes {
			cells = append(cells, accuracy(row.Entries[0].Figure(p, run.Trained)))
		}
		g.Rows = append(g.Rows, append(cells, row.Entries[0].verdict()))
	}
	for _, b := range r.Baselines {
		cells := make([]cell, len(r.Axes))
		cells[0] = cell{Text: b.Name, Tone: "faint"}
		for _, p := range probes {
			c := accuracy(b.Figure(p, b.Features))
			c.Tone = "faint"
			cells = append(cells, c)
		}
		g.Rows = append(g.Rows, append(cells, cell{}))
	}
	return g
}

func (r Report) ablationGrid() grid {
	g := grid{Caption: "Linear probe, %" + r.interval() + "; beside it the paper's figure"}
	for _, axis := range r.Axes {
		g.Head = append(g.Head, head{axis, true})
	}
	for _, column := range r.Columns {
		g.Head = append(g.Head, head{Text: column}, head{Text: "paper"})
	}
	for _, row := range r.Rows {
		cells := labels(row)
		for _, e := range row.Entries {
			cells = append(cells, e.ours(), e.paper())
		}
		g.Rows = append(g.Rows, cells)
	}
	return g
}

func labels(row Row) []cell {
	cells := make([]cell, len(row.Labels))
	for i, l := range row.Labels {
		cells[i] = cell{Text: l}
	}
	return cells
}

// ours is an ablation's cell: collapse where no run escaped it, with what a linear classifier still reads off.
func (e Entry) ours() cell {
	c := accuracy(e.Figure(run.Linear, run.Trained))
	switch {
	case e.AllCollapsed() && c.Text == "–":
		return cell{Text: "collapse", Note: "(" + diverged + ")", Tone: "bad"}
	case e.AllCollapsed():
		return cell{Text: "collapse", Note: "(" + c.Text + ")", Tone: "bad"}
	}
	if e.Collapsed > 0 {
		c.Note, c.Tone = fmt.Sprintf("(collapse %d/%d)", e.Collapsed, e.Runs), "bad"
	}
	return c
}

func (e Entry) paper() cell {
	if e.Paper == nil {
		return cell{Text: "–", Tone: "faint"}
	}
	return cell{Text: e.Paper.String(), Tone: "faint"}
}

// verdict counts the runs that are not healthy: "complete 2/3".
func (j Judgement) verdict() cell {
	var parts []string
	for _, v := range slices.Sorted(maps.Keys(j.Verdicts)) {
		if v != "none" && v != "" {
			parts = append(parts, fmt.Sprintf("%s %d/%d", v, j.Verdicts[v], j.Runs))
		}
	}
	switch {
	case len(parts) > 0:
		return cell{Text: strings.Join(parts, ", "), Tone: "bad"}
	case j.Verdicts["none"] > 0:
		return cell{Text: "healthy", Tone: "good"}
	}
	return cell{Text: "–"}
}

// accuracy is "84.1 ± 0.6" in percent.
func accuracy(f Figure) cell {
	switch {
	case f.N == 0:
		return cell{Text: "–"}
	case !f.Known() || f.Features == run.Pixels:
		return cell{Text: fmt.Sprintf("%.1f", 100*f.Mean)}
	}
	return cell{Text: fmt.Sprintf("%.1f ± %.1f", 100*f.Mean, 100*f.Half)}
}

// differenceGrid has a row for each tested cell and a column for each probe.
func (r Report) differenceGrid() grid {
	g := grid{Caption: "Paired differences in points ± half of the 95 % interval, with p after Holm's correction"}
	var probes []string
	rows := map[string]int{}
	for _, d := range r.Differences {
		if !slices.Contains(probes, d.Probe) {
			probes = append(probes, d.Probe)
		}
	}
	g.Head = []head{{"difference", true}}
	for _, p := range probes {
		g.Head = append(g.Head, head{Text: r.words[p]})
	}
	for _, d := range r.Differences {
		name := d.name()
		if _, ok := rows[name]; !ok {
			rows[name] = len(g.Rows)
			g.Rows = append(g.Rows, append([]cell{{Text: name}}, make([]cell, len(probes))...))
		}
		g.Rows[rows[name]][1+slices.Index(probes, d.Probe)] = difference(d)
	}
	return g
}

func (d Difference) name() string {
	if d.Column != "" {
		return d.Row + ": " + d.Column + " − " + d.Against
	}
	return d.Row + " − " + d.Against
}

func difference(d Difference) cell {
	s := d.Paired.Difference
	if s.N < 2 {
		return cell{Text: "–", Note: "too few runs", Tone: "faint"}
	}
	c := cell{Text: fmt.Sprintf("%s ± %.1f", points(s.Mean), 100*s.Half)}
	if d.Outcome == stats.NotResolved {
		c.Note, c.Tone = "not resolved", "faint"
		return c
	}
	c.Note, c.Tone = "p "+pValue(d.Adjusted), "good"
	if d.Outcome == stats.Lower {
		c.Tone = "bad"
	}
	return c
}

func pValue(p float64) string {
	if p < 0.001 {
		return "< 0.001"
	}
	return fmt.Sprintf("%.3f", p)
}

// points is a difference of shares in percentage points with its sign.
func points(v float64) string {
	s := fmt.Sprintf("%.1f", math.Abs(100*v))
	switch {
	case s == "0.0":
		return "±0.0"
	case v < 0:
		return "−" + s
	}
	return "+" + s
}
