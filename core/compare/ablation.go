package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/core/probe/collapse"
	"github.com/sslctl/sslctl/core/run"
)

// Report makes the report of an ablation: ours beside the paper's, where the two agree on collapse, and tests by the linear
// probe against the recipe's reference.
func (r Recipe) Report(s Study, outcomes []Outcome, command string) (Report, error) {
	out := begin(s, outcomes, command)
	out.Source, out.Columns, out.Notes = r.Source, r.Columns, slices.Clone(r.Notes)
	for i, row := range r.Rows {
		entries := make([]Entry, len(row.Cells))
		for k, c := range row.Cells {
			runs := outcomes[i*len(r.Columns)+k].Runs
			entries[k] = Entry{Paper: c.Paper, Judgement: judge(runs), Attempts: runs}
		}
		out.Rows = append(out.Rows, Row{Name: r.rowName(row), Labels: row.Labels, Entries: entries})
	}
	out.Notes = append(append(out.Notes, out.agreement()...), out.narrow()...)
	if s.Seeds < 2 {
		return out, nil
	}
	var err error
	out.Differences, err = settle(r.contests(out.Rows))
	return out, err
}

// contests pair each row with the reference row, or each later column with the first of its row. Cells that collapsed are
// not tested: their verdict is the result.
func (r Recipe) contests(rows []Row) []contest {
	var out []contest
	add := func(d Difference, a, b Entry) {
		if !a.AllCollapsed() && !b.AllCollapsed() {
			d.Probe = run.Linear
			out = append(out, contest{d, a.Figure(run.Linear, run.Trained), b.Figure(run.Linear, run.Trained)})
		}
	}
	reference := slices.IndexFunc(rows, func(row Row) bool { return row.Name == r.Reference })
	for i, row := range rows {
		for k, e := range row.Entries {
			switch {
			case reference >= 0 && i != reference:
				d := Difference{Row: row.Name, Against: r.Reference}
				if len(r.Columns) > 1 {
					d.Row += ", " + r.Columns[k]
				}
				add(d, e, rows[reference].Entries[k])
			case reference < 0 && k > 0:
				add(Difference{Row: row.Name, Column: r.Columns[k], Against: r.Columns[0]}, e, row.Entries[0])
			}
		}
	}
	return out
}

// agreement says where ours and the paper agree on collapse, and names every cell where they do not.
func (r Report) agreement() []string {
	same, total := 0, 0
	var odd []string
	for _, row := range r.Rows {
		for k, e := range row.Entries {
			if e.Paper == nil {
				continue
			}
			total++
			if e.Paper.Collapse == e.AllCollapsed() && (e.AllCollapsed() || e.Collapsed == 0) {
				same++
				continue
			}
			odd = append(odd, fmt.Sprintf("%s (paper %s, here %s)", r.cellName(row, k), e.Paper, e.ours()))
		}
	}
	switch {
	case total == 0:
		return nil
	case len(odd) == 0:
		return []string{fmt.Sprintf("Paper and this scale agree on collapse in all %d cells.", total)}
	}
	return []string{fmt.Sprintf("Paper and this scale agree on collapse in %d of %d cells; they differ in: %s.", same, total, strings.Join(odd, "; "))}
}

// narrow names the cells with runs whose embeddings differ, but in few directions: no collapse in the paper's sense, and
// usual after few steps.
func (r Report) narrow() []string {
	var found []string
	for _, row := range r.Rows {
		for k, e := range row.Entries {
			if n := e.Verdicts[string(collapse.Dimensional)]; n > 0 {
				found = append(found, fmt.Sprintf("%s (%d of %d)", r.cellName(row, k), n, e.Runs))
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	return []string{"Embeddings that differ in few directions only (dimensional collapse), by cells: " + strings.Join(found, "; ") + "."}
}

func (r Report) cellName(row Row, column int) string {
	if len(r.Columns) > 1 {
		return row.Name + ", " + r.Columns[column]
	}
	return row.Name
}
