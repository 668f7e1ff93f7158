package report

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/core/run"
)

//go:embed page
var pageFiles embed.FS

// Render writes the page of one run, or of several side by side.
func Render(w io.Writer, runs []Run) error {
	if err := needRuns(runs); err != nil {
		return err
	}
	p, err := newPage(runs)
	if err != nil {
		return err
	}
	t, err := template.New("page.tmpl").Funcs(template.FuncMap{
		"percent": percent, "prose": prose, "points": points, "count": count, "figure": figure, "span": span, "short": short,
		"number": func(n run.Number) string { return figure(float64(n)) },
		"png": func(b []byte) template.URL {
			return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b))
		},
		"colour": func(i int) string { return fmt.Sprintf("run%d", i%palette) },
		"join":   strings.Join,
	}).ParseFS(pageFiles, "page/page.tmpl")
	if err != nil {
		return fmt.Errorf("parse report page: %w", err)
	}
	if err := t.Execute(w, p); err != nil {
		return fmt.Errorf("render report: %w", err)
	}
	return nil
}

// page is what the template shows.
type page struct {
	Title       string
	Style       template.CSS
	Script      template.JS
	Runs        []runView
	Table       []tableRow
	Columns     []string // names of the probes
	Accuracy    template.HTML
	Training    []chart
	Embeddings  []chart
	Planes      planes
	Samples     []Sample
	Differences []setting
	Groups      []group
}

// runView is a run with what the template asks of it.
type runView struct {
	Run
	Index    int
	Label    string
	Headline string
	Verdict  string
	Facts    []fact
	Record   []fact // provenance
}

// fact is a name and a value; Full is the value before it was cut short.
type fact struct{ Name, Value, Full string }

// tableRow is a row of the table of accuracies; a run has several when it stands alone.
type tableRow struct {
	Label  string
	Run    int // -1 for a row without a colour
	Strong bool
	Cells  []tableCell
}

type tableCell struct {
	Value, Note string
	Sign        int // of a gain: 1 good, -1 bad, 0 for none
}

func newPage(runs []Run) (*page, error) {
	p := &page{Title: title(runs), Accuracy: accuracyChart(runs), Training: trainingCharts(runs), Embeddings: embeddingCharts(runs), Planes: planesOf(runs)}
	for _, f := range []struct {
		name string
		set  func(string)
	}{
		{"page/style.css", func(s string) { p.Style = template.CSS(s) }},
		{"page/script.js", func(s string) { p.Script = template.JS(s) }},
	} {
		b, err := pageFiles.ReadFile(f.name)
		if err != nil {
			return nil, fmt.Errorf("read report page: %w", err)
		}
		f.set(string(b))
	}
	for i, r := range runs {
		v := runView{Run: r, Index: i, Label: label(runs, i), Headline: r.headline(), Facts: facts(r), Record: record(r)}
		if r.Result != nil {
			v.Verdict = r.verdict()
		}
		p.Runs = append(p.Runs, v)
	}
	p.Samples = samples(runs)
	for _, probe := range probesOf(runs...) {
		p.Columns = append(p.Columns, probeWord(probe, runs))
	}
	if p.Table = tableOfOne(runs[0]); len(runs) > 1 {
		p.Table = tableOfMany(runs)
	}
	list, err := settings(runs)
	if err != nil {
		return nil, err
	}
	p.Groups = grouped(list)
	if len(runs) > 1 {
		p.Differences = slices.DeleteFunc(list, func(s setting) bool { return !s.Differ })
	}
	return p, nil
}

// samples are the pictures of all runs; one that runs share is shown once.
func samples(runs []Run) []Sample {
	var out []Sample
	for i, r := range runs {
		for _, s := range r.Samples {
			if slices.ContainsFunc(out, func(o Sample) bool { return bytes.Equal(o.PNG, s.PNG) }) {
				continue
			}
			if len(runs) > 1 {
				s.Caption = label(runs, i) + ". " + s.Caption
			}
			out = append(out, s)
		}
	}
	return out
}

// prose makes HTML of a sentence in which backquotes mark code.
func prose(s string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(s, "`") {
		if i%2 == 1 {
			part = "<code>" + template.HTMLEscapeString(part) + "</code>"
		} else {
			part = template.HTMLEscapeString(part)
		}
		b.WriteString(part)
	}
	return template.HTML(b.String()) // every part was escaped
}

// title is "vicreg on fashion-mnist" for one run and what is common for several.
func title(runs []Run) string {
	if len(runs) == 1 {
		return runs[0].methodWord() + " on " + runs[0].dataset()
	}
	t := fmt.Sprintf("%d runs", len(runs))
	if d := runs[0].dataset(); !slices.ContainsFunc(runs, func(r Run) bool { return r.dataset() != d }) {
		t += " on " + d
	}
	return t
}

// label is a run's short name: its method where that tells the runs apart, with seed or folder where it does not.
func label(runs []Run, i int) string {
	r := runs[i]
	same := func(key func(Run) string) bool {
		n := 0
		for _, o := range runs {
			if key(o) == key(r) {
				n++
			}
		}
		return n > 1
	}
	name := Run.methodWord
	withSeed := func(r Run) string { return fmt.Sprintf("%s, seed %d", r.methodWord(), r.Provenance.Seed) }
	switch {
	case !same(name):
		return name(r)
	case !same(withSeed):
		return withSeed(r)
	}
	return r.ID
}

// tableOfOne has a row for each kind of features, and the gain.
func tableOfOne(r Run) []tableRow {
	var rows []tableRow
	for _, features := range featureOrder {
		row := tableRow{Label: featureWord(features), Run: -1, Strong: features == run.Trained}
		if row.Strong {
			row.Run = 0
		}
		found := false
		for _, probe := range probesOf(r) {
			p, ok := r.accuracy(probe, features)
			found = found || ok
			row.Cells = append(row.Cells, accuracyCell(p, ok))
		}
		if found {
			rows = append(rows, row)
		}
	}
	if len(rows) < 2 {
		return rows
	}
	gain := tableRow{Label: "gain over the better baseline, points", Run: -1}
	for _, probe := range probesOf(r) {
		gain.Cells = append(gain.Cells, gainCell(r, probe))
	}
	return append(rows, gain)
}

// tableOfMany has a row for each run with its gains as notes, then the baselines of the first run that has them.
func tableOfMany(runs []Run) []tableRow {
	var rows []tableRow
	for i, r := range runs {
		row := tableRow{Label: label(runs, i), Run: i, Strong: true}
		for _, probe := range probesOf(runs...) {
			p, ok := r.accuracy(probe, run.Trained)
			cell := accuracyCell(p, ok)
			gain := gainCell(r, probe)
			cell.Note, cell.Sign = gain.Value, gain.Sign
			row.Cells = append(row.Cells, cell)
		}
		rows = append(rows, row)
	}
	return rows
}

func accuracyCell(p run.ProbeResult, ok bool) tableCell {
	if !ok {
		return tableCell{Value: "–"}
	}
	c := tableCell{Value: percent(p.Accuracy)}
	switch {
	case p.Draws > 1 && p.Spread > 0:
		c.Note = fmt.Sprintf("± %.1f over %d draws", 100*float64(p.Spread), p.Draws)
	case p.Low < p.High:
		c.Note = fmt.Sprintf("%.1f – %.1f", 100*float64(p.Low), 100*float64(p.High))
	}
	return c
}

func gainCell(r Run, probe string) tableCell {
	p, ok := r.accuracy(probe, run.Trained)
	b, has := r.baseline(probe)
	if !ok || !has {
		return tableCell{Value: "–"}
	}
	c := tableCell{Value: points(p.Accuracy - b.Accuracy), Sign: 1}
	if p.Accuracy < b.Accuracy {
		c.Sign = -1
	}
	return c
}
