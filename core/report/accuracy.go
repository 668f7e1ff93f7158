package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"

	"github.com/sslctl/sslctl/core/run"
)

// Size of the figure of accuracies.
const (
	accuracyW, accuracyRow = 1060.0, 30.0
	accuracyL, accuracyR   = 270.0, 66.0 // margins; a value may stand left of the axis
	accuracyName           = 205.0       // where the names of the lines end
	accuracyHead           = 26.0
)

// accuracyChart draws each probe of each run on one axis of accuracy: the baselines as hollow marks, the trained
// features as a filled one with its 95 % interval, and the way between as a bar.
func accuracyChart(runs []Run) template.HTML {
	rows := accuracyRows(runs)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, r := range rows {
		for _, p := range r.probes {
			for _, v := range []run.Number{p.Accuracy, p.Low, p.High} {
				if v := 100 * float64(v); v > 0 && finite(v) {
					lo, hi = math.Min(lo, v), math.Max(hi, v)
				}
			}
		}
	}
	if math.IsInf(lo, 0) {
		return ""
	}
	x := newScale(lo, hi, accuracyL, accuracyW-accuracyR, false, true)
	height := accuracyHead + accuracyRow*float64(len(rows)) + 8
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart accuracy" viewBox="0 0 %g %g" role="img" aria-label="accuracy of the probes">`, accuracyW, height)
	for _, v := range x.ticks() {
		at := x.at(v)
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/>`, at, at, accuracyHead-6, height)
		fmt.Fprintf(&b, `<text x="%.1f" y="12" text-anchor="middle">%s %%</text>`, at, x.label(v))
	}
	for i, r := range rows {
		r.draw(&b, x, accuracyHead+accuracyRow*(float64(i)+0.5))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // every text in it was escaped
}

// accuracyLine is one line of the figure: the features of one probe in one run.
type accuracyLine struct {
	label  string
	run    int
	probes map[string]run.ProbeResult // by features
}

// accuracyRows lists the lines probe by probe, so that runs stand beside each other.
func accuracyRows(runs []Run) []accuracyLine {
	var rows []accuracyLine
	for _, probe := range probesOf(runs...) {
		for i, r := range runs {
			row := accuracyLine{label: probeWord(probe, runs), run: i, probes: map[string]run.ProbeResult{}}
			if len(runs) > 1 {
				row.label = fmt.Sprintf("%s, %s", row.label, label(runs, i))
			}
			for _, features := range featureOrder {
				if p, ok := r.accuracy(probe, features); ok {
					row.probes[features] = p
				}
			}
			if len(row.probes) > 0 {
				rows = append(rows, row)
			}
		}
	}
	return rows
}

func (r accuracyLine) draw(b *strings.Builder, x scale, y float64) {
	fmt.Fprintf(b, `<text class="name" x="%g" y="%.1f" text-anchor="end">%s</text>`, accuracyName, y+4, html.EscapeString(r.label))
	at := func(p run.ProbeResult) float64 { return x.at(100 * float64(p.Accuracy)) }
	class := fmt.Sprintf("run%d", r.run%palette)
	trained, ok := r.probes[run.Trained]
	if base, has := better(r.probes); ok && has {
		fmt.Fprintf(b, `<line class="%s way" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, class, at(base), at(trained), y, y)
	}
	if p, ok := r.probes[run.Pixels]; ok {
		fmt.Fprintf(b, `<rect class="hollow" x="%.1f" y="%.1f" width="8" height="8"><title>raw pixels %s</title></rect>`, at(p)-4, y-4, percent(p.Accuracy))
	}
	if p, ok := r.probes[run.Untrained]; ok {
		fmt.Fprintf(b, `<circle class="hollow" cx="%.1f" cy="%.1f" r="4.5"><title>untrained network %s</title></circle>`, at(p), y, percent(p.Accuracy))
	}
	if !ok {
		return
	}
	if trained.Low < trained.High {
		fmt.Fprintf(b, `<line class="%s" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, class, x.at(100*float64(trained.Low)), x.at(100*float64(trained.High)), y, y)
	}
	fmt.Fprintf(b, `<circle class="%s dot" cx="%.1f" cy="%.1f" r="5.5"><title>trained %s</title></circle>`, class, at(trained), y, percent(trained.Accuracy))
	r.value(b, x, y)
}

// value writes the accuracy beside the dot and its interval, on the side away from the baselines.
func (r accuracyLine) value(b *strings.Builder, x scale, y float64) {
	p := r.probes[run.Trained]
	dot := x.at(100 * float64(p.Accuracy))
	place, anchor := max(dot+5.5, x.at(100*float64(max(p.High, p.Accuracy))))+8, "start"
	if base, ok := better(r.probes); ok && base.Accuracy > p.Accuracy {
		low := p.Low
		if low == 0 {
			low = p.Accuracy
		}
		place, anchor = min(dot-5.5, x.at(100*float64(low)))-8, "end"
	}
	fmt.Fprintf(b, `<text class="value" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, place, y+4, anchor, percent(p.Accuracy))
}

// better is the higher of the baselines.
func better(probes map[string]run.ProbeResult) (best run.ProbeResult, found bool) {
	for _, features := range []string{run.Untrained, run.Pixels} {
		if p, ok := probes[features]; ok && (!found || p.Accuracy > best.Accuracy) {
			best, found = p, true
		}
	}
	return best, found
}
