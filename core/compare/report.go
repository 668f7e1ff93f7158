package compare

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/report"
	"github.com/sslctl/sslctl/core/run"
)

// ReportSchema is the version of a report's JSON.
const ReportSchema = 1

// Report is a study with its figures. It prints itself by [Report.Write]; as JSON it holds every run's result.
type Report struct {
	SchemaVersion int          `json:"schema_version"`
	Title         string       `json:"title"`
	Source        string       `json:"source,omitempty"` // of the paper's figures
	Command       string       `json:"command"`
	Seeds         int          `json:"seeds"`
	Axes          []string     `json:"axes"`              // what the rows' labels are
	Columns       []string     `json:"columns,omitempty"` // of an ablation
	Budget        []Setting    `json:"budget"`            // what all runs share
	Rows          []Row        `json:"rows"`
	Baselines     []Baseline   `json:"baselines,omitempty"`
	Differences   []Difference `json:"differences,omitempty"`
	Notes         []string     `json:"notes,omitempty"`

	words map[string]string // of the probes
}

// Setting is a key of the configuration with its value.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Row is one cell, or in an ablation one for each column.
type Row struct {
	Name    string   `json:"name"`
	Labels  []string `json:"labels"`
	Entries []Entry  `json:"entries"`
}

// Entry is a cell with what its runs came to, and the paper's figure where there is one.
type Entry struct {
	Paper *Paper `json:"paper,omitempty"`
	Judgement
	Attempts []Attempt `json:"attempts"`
}

// Baseline is what training had to beat.
type Baseline struct {
	Name     string `json:"name"`
	Features string `json:"features"`
	Judgement
}

// probeOrder is the order in which probes are shown.
var probeOrder = [...]string{run.Linear, run.Online, run.KNN, run.FewLabels}

// NewReport makes a report of a comparison or a sweep, with a row for each cell. In a comparison every cell is tested
// against the first, probe by probe.
func NewReport(s Study, outcomes []Outcome, command string) (Report, error) {
	r := begin(s, outcomes, command)
	for _, o := range outcomes {
		r.Rows = append(r.Rows, Row{Name: o.Cell.Name, Labels: o.Cell.Labels, Entries: []Entry{{Judgement: judge(o.Runs), Attempts: o.Runs}}})
	}
	r.baselines(s)
	if keys := differing(s); len(keys) > 0 && len(s.Axes) == 1 && s.Axes[0] == "method" {
		r.Notes = append(r.Notes, "The presets differ in "+strings.Join(keys, ", ")+"; set these keys to hold them equal.")
	}
	return r, r.against(0)
}

func begin(s Study, outcomes []Outcome, command string) Report {
	r := Report{SchemaVersion: ReportSchema, Title: s.Title, Command: command, Seeds: s.Seeds, Axes: s.Axes, Budget: budget(s), words: map[string]string{}}
	for _, probe := range probeOrder {
		r.words[probe] = report.ProbeWord(probe, run.Result{})
	}
	for _, o := range outcomes {
		for _, a := range o.Runs {
			if _, ok := a.Result.Accuracy(run.FewLabels, run.Trained); ok {
				r.words[run.FewLabels] = report.ProbeWord(run.FewLabels, a.Result)
				return r
			}
		}
	}
	return r
}

// against tests every row but one against it, each probe with a correction of its own: a probe is a question.
func (r *Report) against(baseline int) error {
	if r.Seeds < 2 || len(r.Rows) < 2 {
		return nil
	}
	for _, probe := range r.probes() {
		var contests []contest
		b := r.Rows[baseline]
		for i, row := range r.Rows {
			if i == baseline {
				continue
			}
			contests = append(contests, contest{Difference{Probe: probe, Row: row.Name, Against: b.Name},
				row.Entries[0].Figure(probe, run.Trained), b.Entries[0].Figure(probe, run.Trained)})
		}
		found, err := settle(contests)
		if err != nil {
			return err
		}
		r.Differences = append(r.Differences, found...)
	}
	return nil
}

// probes are those that any run has.
func (r *Report) probes() []string {
	return slices.DeleteFunc(slices.Clone(probeOrder[:]), func(probe string) bool {
		return !slices.ContainsFunc(r.Rows, func(row Row) bool {
			return slices.ContainsFunc(row.Entries, func(e Entry) bool { return e.Figure(probe, run.Trained).N > 0 })
		})
	})
}

// baselines takes the untrained network and the pixels from the first row, where all rows share network and data.
func (r *Report) baselines(s Study) {
	for _, key := range differing(s) {
		if strings.HasPrefix(key, "backbone.") || strings.HasPrefix(key, "data.") {
			return
		}
	}
	j := r.Rows[0].Entries[0].Judgement
	for _, b := range []Baseline{{Name: "untrained network", Features: run.Untrained}, {Name: "raw pixels", Features: run.Pixels}} {
		for _, f := range j.Figures {
			if f.Features == b.Features {
				b.Figures = append(b.Figures, f)
			}
		}
		if len(b.Figures) > 0 {
			r.Baselines = append(r.Baselines, b)
		}
	}
}

// differing are the keys of data, network and budget on which cells disagree: what makes a comparison unfair where nobody
// asked for it.
func differing(s Study) []string {
	var keys []string
	for _, cell := range s.Cells[1:] {
		for _, d := range config.Diff(s.Cells[0].Config, cell.Config) {
			section, _, _ := strings.Cut(d.Key, ".")
			if slices.Contains([]string{"data", "backbone", "train"}, section) && !slices.Contains(keys, d.Key) {
				keys = append(keys, d.Key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

// budget lists what the cells share of data, network, length and optimiser.
func budget(s Study) []Setting {
	length := func(c config.Config) string {
		if c.Train.Steps > 0 {
			return fmt.Sprintf("%d steps", c.Train.Steps)
		}
		return fmt.Sprintf("%d epochs", c.Train.Epochs)
	}
	var out []Setting
	for _, f := range []struct {
		key  string
		text func(config.Config) string
	}{
		{"data", func(c config.Config) string { return c.Data.Name }},
		{"images", func(c config.Config) string {
			if c.Data.Limit > 0 {
				return strconv.Itoa(c.Data.Limit)
			}
			return "all"
		}},
		{"backbone", func(c config.Config) string { return c.Backbone.Name }},
		{"length", length},
		{"batch", func(c config.Config) string { return strconv.Itoa(c.Train.Batch) }},
		{"optimiser", func(c config.Config) string {
			return fmt.Sprintf("%s, lr %g, weight decay %g", c.Optimizer.Name, c.PeakLR(), c.Optimizer.WeightDecay)
		}},
		{"first seed", func(c config.Config) string { return strconv.FormatUint(c.Train.Seed, 10) }},
	} {
		first := f.text(s.Cells[0].Config)
		if !slices.ContainsFunc(s.Cells, func(c Cell) bool { return f.text(c.Config) != first }) {
			out = append(out, Setting{f.key, first})
		}
	}
	return append(out, Setting{"seeds", strconv.Itoa(s.Seeds)})
}
