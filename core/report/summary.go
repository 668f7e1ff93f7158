package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/sslctl/sslctl/core/run"
)

// SummaryOptions says how a summary looks.
type SummaryOptions struct {
	Colour bool // colours for a terminal
}

// Summary writes what people read after a run: what ran, the table of accuracies with the baselines, the verdict with
// its evidence and advice, the loss in its terms, and where the files are.
func Summary(w io.Writer, r Run, o SummaryOptions) error {
	s := summary{run: r, paint: func(_ text.Color, s string) string { return s }}
	if o.Colour {
		s.paint = func(c text.Color, s string) string { return c.EscapeSeq() + s + text.Reset.EscapeSeq() }
	}
	s.title()
	if r.Result == nil {
		s.line("%s", r.unfinished())
	} else {
		s.table()
		s.verdict()
		s.loss()
	}
	s.line("  folder    %s", r.Dir)
	_, err := io.WriteString(w, s.out.String())
	return err
}

// summary is a page in the making.
type summary struct {
	run   Run
	out   strings.Builder
	paint func(text.Color, string) string
}

func (s *summary) line(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

// title is "vicreg on fashion-mnist, seed 1" and what it cost.
func (s *summary) title() {
	r := s.run
	s.line("%s", s.paint(text.Bold, fmt.Sprintf("%s on %s, seed %d", r.methodWord(), r.dataset(), r.Provenance.Seed)))
	if res := r.Result; res != nil {
		s.line("%s steps (%s epochs) in %s, %s images/s, %s parameters", count(res.Steps), figure(float64(res.Epochs)),
			span(res.Time.Train), count(int(res.Time.ImagesPerSecond)), count(res.Parameters))
	}
	s.line("")
}

// table shows probes as columns and features as rows, and what training added.
func (s *summary) table() {
	if len(s.run.Result.Probes) == 0 {
		s.line("  no probes: the data set has no labels, or they were switched off\n")
		return
	}
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.Options{SeparateHeader: true}
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	header := table.Row{"accuracy"}
	columns := []table.ColumnConfig{{Number: 1, Align: text.AlignLeft}}
	for i, probe := range probesOf(s.run) {
		header = append(header, probeWord(probe, []Run{s.run}))
		columns = append(columns, table.ColumnConfig{Number: i + 2, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(columns)
	for _, features := range featureOrder {
		t.AppendRow(s.row(features))
	}
	t.AppendSeparator()
	t.AppendRow(s.gains())
	for l := range strings.Lines(t.Render()) {
		s.line(" %s", strings.TrimRight(l, " \n"))
	}
	s.line("")
}

func (s *summary) row(features string) table.Row {
	row := table.Row{featureWord(features)}
	for _, probe := range probesOf(s.run) {
		cell := "–"
		if p, ok := s.run.accuracy(probe, features); ok {
			cell = percent(p.Accuracy)
		}
		if features == run.Trained {
			cell = s.paint(text.Bold, cell)
		}
		row = append(row, cell)
	}
	return row
}

// gains is the distance to the better baseline in points.
func (s *summary) gains() table.Row {
	row := table.Row{"gain, points"}
	for _, probe := range probesOf(s.run) {
		cell := "–"
		p, ok := s.run.accuracy(probe, run.Trained)
		if b, has := s.run.baseline(probe); ok && has {
			colour := text.FgGreen
			if p.Accuracy < b.Accuracy {
				colour = text.FgRed
			}
			cell = s.paint(colour, points(p.Accuracy-b.Accuracy))
		}
		row = append(row, cell)
	}
	return row
}

func (s *summary) verdict() {
	c := s.run.Result.Collapse
	mark := s.paint(text.FgGreen, "✓")
	if !c.Healthy {
		mark = s.paint(text.FgRed, "✗")
	}
	s.line("%s %s", mark, s.run.verdict())
	for _, e := range c.Evidence {
		s.line("  %s", e.Says)
	}
	for i, a := range c.Advice {
		lead := "  try      "
		if i > 0 {
			lead = "  or       "
		}
		s.line("%s %s", s.paint(text.FgYellow, lead), a)
	}
	s.line("")
}

// loss is the last loss with the terms that it is the sum of: "25 × invariance 0.21".
func (s *summary) loss() {
	res := s.run.Result
	var terms []string
	for _, t := range res.Terms {
		terms = append(terms, fmt.Sprintf("%s × %s %s", figure(float64(t.Weight)), t.Name, figure(float64(t.Value))))
	}
	if len(terms) == 0 {
		s.line("  loss      %s", figure(float64(res.Loss)))
		return
	}
	s.line("  loss      %s = %s", figure(float64(res.Loss)), strings.Join(terms, " + "))
}
