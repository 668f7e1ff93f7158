package report

import (
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"
)

// Size of a chart in the units of its view box, and of its margins.
const (
	chartW, chartH                     = 520.0, 220.0
	marginL, marginR, marginT, marginB = 54.0, 14.0, 10.0, 26.0
)

// palette is the number of colours for runs; more runs begin again.
const palette = 8

// chart is a figure of lines over a common axis.
type chart struct {
	Title  string
	Note   string // what the figure means, for the caption
	X      string // name of the axis: "step"
	logY   bool
	zero   bool    // the axis begins at 0
	until  float64 // the axis of x reaches from 0 to here; 0 for as far as the lines go
	lines  []line
	guides []guide
	legend bool // lines are named under the title
}

// line is one run's values in the colour of the run. A faint one is drawn behind and not named.
type line struct {
	Label  string
	Colour int // of a run
	x, y   []float64
	faint  bool
	dash   int // style beyond the colour: 0 solid, 1 dashed, 2 dotted
}

// guide is a dashed reference at a height.
type guide struct {
	y     float64
	label string
}

// empty reports whether there is nothing to draw.
func (c chart) empty() bool {
	return !slices.ContainsFunc(c.lines, func(l line) bool { return slices.ContainsFunc(l.y, finite) })
}

// Legend names the lines where they need it: several in one chart that are not runs.
func (c chart) Legend() []line {
	if !c.legend {
		return nil
	}
	return c.lines
}

// addRecorded adds a metric of a run: as it is where it has few values, else smoothed over the faint values.
func (c *chart) addRecorded(label string, run int, x, y []float64) {
	if len(x) == 0 {
		return
	}
	if len(x) < smoothFrom {
		c.lines = append(c.lines, line{Label: label, Colour: run, x: x, y: y})
		return
	}
	fx, fy := envelope(x, y)
	sx, sy := pick(x, smooth(y))
	c.lines = append(c.lines, line{Colour: run, x: fx, y: fy, faint: true}, line{Label: label, Colour: run, x: sx, y: sy})
}

// autoLog chooses a logarithmic axis where values are positive and span more than a factor of 40.
func (c *chart) autoLog() {
	lo, hi := c.extent()
	c.logY = lo > 0 && hi > 40*lo
}

// extent is the range of the finite values, guides included.
func (c chart) extent() (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	grow := func(v float64) {
		if finite(v) {
			lo, hi = math.Min(lo, v), math.Max(hi, v)
		}
	}
	for _, l := range c.lines {
		for _, v := range l.y {
			grow(v)
		}
	}
	for _, g := range c.guides {
		grow(g.y)
	}
	if c.zero {
		lo = math.Min(lo, 0)
	}
	return lo, hi
}

// axes are the scales of both directions.
func (c chart) axes() (x, y scale) {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, l := range c.lines {
		for _, v := range l.x {
			lo, hi = math.Min(lo, v), math.Max(hi, v)
		}
	}
	if c.until > 0 {
		lo, hi = 0, c.until
	}
	x = newScale(lo, hi, marginL, chartW-marginR, false, false)
	lo, hi = c.extent()
	return x, newScale(lo, hi, chartH-marginB, marginT, c.logY, true)
}

// SVG draws the chart. Colours and widths are classes of the page's style sheet.
func (c chart) SVG() template.HTML {
	if c.empty() {
		return ""
	}
	x, y := c.axes()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %g %g" role="img" aria-label="%s" data-chart="%s">`,
		chartW, chartH, html.EscapeString(c.Title), html.EscapeString(c.data(x, y)))
	c.grid(&b, x, y)
	for _, g := range c.guides {
		at := y.at(g.y)
		fmt.Fprintf(&b, `<line class="guide" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/>`, marginL, chartW-marginR, at, at)
		fmt.Fprintf(&b, `<text class="guide" x="%g" y="%.1f" text-anchor="end">%s</text>`, chartW-marginR-2, at-4, html.EscapeString(g.label))
	}
	for _, faint := range []bool{true, false} {
		for _, l := range c.lines {
			if l.faint == faint {
				l.draw(&b, x, y)
			}
		}
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // every text in it was escaped above
}

func (c chart) grid(b *strings.Builder, x, y scale) {
	bottom := chartH - marginB
	for _, v := range y.ticks() {
		at := y.at(v)
		fmt.Fprintf(b, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/>`, marginL, chartW-marginR, at, at)
		fmt.Fprintf(b, `<text x="%g" y="%.1f" text-anchor="end">%s</text>`, marginL-7, at+3.5, y.label(v))
	}
	for _, v := range x.ticks() {
		at := x.at(v)
		anchor := "middle"
		if at > chartW-marginR-12 {
			anchor = "end"
		}
		fmt.Fprintf(b, `<line class="tick" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/>`, at, at, bottom, bottom+4)
		fmt.Fprintf(b, `<text x="%.1f" y="%g" text-anchor="%s">%s</text>`, at, bottom+17, anchor, x.label(v))
	}
	fmt.Fprintf(b, `<text x="%g" y="%g" text-anchor="end">%s</text>`, marginL-7, bottom+17, html.EscapeString(c.X))
	fmt.Fprintf(b, `<line class="axis" x1="%g" x2="%g" y1="%g" y2="%g"/>`, marginL, chartW-marginR, bottom, bottom)
}

// draw writes the line, broken at values that cannot be drawn; a lone value is a dot.
func (l line) draw(b *strings.Builder, x, y scale) {
	class := fmt.Sprintf("run%d", l.Colour%palette)
	if l.faint {
		class += " faint"
	}
	if l.dash > 0 {
		class += fmt.Sprintf(" dash%d", l.dash)
	}
	var path strings.Builder
	pen, stretch := false, 0
	for i, v := range l.y {
		if !finite(v) || y.log && v <= 0 {
			pen = false
			continue
		}
		command := "L"
		if !pen {
			command, stretch = "M", 0
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", command, x.at(l.x[i]), y.at(v))
		pen = true
		if stretch++; stretch == 1 && (i+1 == len(l.y) || !finite(l.y[i+1])) && !l.faint {
			fmt.Fprintf(b, `<circle class="%s" cx="%.1f" cy="%.1f" r="2.5"/>`, class, x.at(l.x[i]), y.at(v))
		}
	}
	fmt.Fprintf(b, `<path class="%s" d="%s"/>`, class, path.String())
}

// data is what the cross-hair of the page's script reads: the axis, and the values of the named lines as text-ready
// numbers.
func (c chart) data(x, y scale) string {
	type series struct {
		Name string    `json:"n"`
		Run  int       `json:"r"`
		X    []float64 `json:"x"`
		Y    []any     `json:"y"`
	}
	d := struct {
		X      string     `json:"x"`
		Lo     float64    `json:"lo"`
		Hi     float64    `json:"hi"`
		Frame  [5]float64 `json:"f"` // left, right, top, bottom of the plot; width of the view box
		Series []series   `json:"s"`
	}{X: c.X, Lo: x.lo, Hi: x.hi, Frame: [...]float64{x.from, x.to, y.to, y.from, chartW}}
	for _, l := range c.lines {
		if l.faint {
			continue
		}
		s := series{Name: l.Label, Run: l.Colour % palette, X: l.x}
		for _, v := range l.y {
			if !finite(v) || y.log && v <= 0 {
				s.Y = append(s.Y, nil)
				continue
			}
			s.Y = append(s.Y, []any{math.Round(y.at(v)*10) / 10, figure(v)})
		}
		d.Series = append(d.Series, s)
	}
	out, err := json.Marshal(d)
	if err != nil { // finite numbers and strings can be marshalled
		panic(err)
	}
	return string(out)
}
