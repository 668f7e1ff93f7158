package bench

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"math"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Size of the figure of a scaling.
const (
	figureW = 17 * vg.Centimeter
	figureH = 11 * vg.Centimeter
)

// SVG draws the times of a scaling against the arithmetic, with the fitted lines, on logarithmic axes: a cost that grows
// linearly lies on a slope of one.
func (s Scaling) SVG(w io.Writer) error {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("Training step of %s, %d threads", s.Net, s.Threads)
	p.Title.Padding = 3 * vg.Millimeter
	p.X.Label.Text, p.Y.Label.Text = "arithmetic of the step, GFLOP", "time of the step, ms"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = decades{}, decades{}
	sans(&p.Title.TextStyle, 12)
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		sans(&axis.Label.TextStyle, 10)
		sans(&axis.Tick.Label, 9)
	}
	sans(&p.Legend.TextStyle, 9)
	p.Legend.Top, p.Legend.Left = true, true
	p.Legend.Padding, p.Legend.XOffs = 1.5*vg.Millimeter, 3*vg.Millimeter
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = color.Gray{Y: 225}, color.Gray{Y: 225}
	p.Add(grid)
	looks := []struct {
		colour color.RGBA
		glyph  draw.GlyphDrawer
	}{{color.RGBA{23, 99, 182, 255}, draw.CircleGlyph{}}, {color.RGBA{209, 96, 10, 255}, draw.BoxGlyph{}}}
	for i, series := range s.Series {
		look := looks[i%len(looks)]
		if err := series.add(p, look.colour, look.glyph); err != nil {
			return err
		}
	}
	p.X.Min, p.X.Max = p.X.Min/1.25, p.X.Max*1.25
	p.Y.Min, p.Y.Max = p.Y.Min/1.25, p.Y.Max*1.6
	c := vgsvg.New(figureW, figureH)
	p.Draw(draw.Crop(draw.New(c), 3*vg.Millimeter, -6*vg.Millimeter, 3*vg.Millimeter, -3*vg.Millimeter))
	var svg bytes.Buffer
	if _, err := c.WriteTo(&svg); err != nil {
		return fmt.Errorf("draw scaling: %w", err)
	}
	if _, err := io.WriteString(w, onPaper(svg.String())); err != nil {
		return fmt.Errorf("write scaling: %w", err)
	}
	return nil
}

// onPaper lays white under a figure, for pages that are dark, and names fonts for readers that lack gonum's.
func onPaper(svg string) string {
	svg = strings.ReplaceAll(svg, "font-family:Liberation Sans", "font-family:Liberation Sans,Arimo,Helvetica,Arial,sans-serif")
	at := strings.Index(svg, "<g ")
	return svg[:at] + `<rect width="100%" height="100%" fill="white"/>` + "\n" + svg[at:]
}

// add draws a series: its points, each named by its size, and its line.
func (s Series) add(p *plot.Plot, colour color.RGBA, glyph draw.GlyphDrawer) error {
	points, names := make(plotter.XYs, len(s.Points)), make([]string, len(s.Points))
	for i, at := range s.Points {
		points[i] = plotter.XY{X: at.Flop / 1e9, Y: at.Ms}
		if names[i] = fmt.Sprintf("batch %d", at.Batch); s.Name == "width" {
			names[i] = fmt.Sprintf("width ×%d", at.Widen)
		}
	}
	marks, err := plotter.NewScatter(points)
	if err != nil {
		return fmt.Errorf("draw scaling: %w", err)
	}
	marks.GlyphStyle = draw.GlyphStyle{Color: colour, Radius: 1.1 * vg.Millimeter, Shape: glyph}
	labels, err := plotter.NewLabels(plotter.XYLabels{XYs: points, Labels: names})
	if err != nil {
		return fmt.Errorf("draw scaling: %w", err)
	}
	labels.Offset = vg.Point{X: 2 * vg.Millimeter, Y: -1.5 * vg.Millimeter}
	if s.Name == "batch" { // above its line; widths stand below theirs
		labels.Offset = vg.Point{X: -2 * vg.Millimeter, Y: 1.5 * vg.Millimeter}
	}
	line := plotter.NewFunction(func(gflop float64) float64 { return s.Line.At(1e9 * gflop) })
	line.XMin, line.XMax, line.Samples = points[0].X, points[len(points)-1].X, 100
	line.Color, line.Width = colour, 0.4*vg.Millimeter
	for i := range labels.TextStyle {
		style := &labels.TextStyle[i]
		sans(style, 8)
		style.Color, style.YAlign = colour, draw.YTop
		if s.Name == "batch" {
			style.XAlign, style.YAlign = draw.XRight, draw.YBottom
		}
	}
	p.Add(line, marks, labels)
	p.Legend.Add(fmt.Sprintf("%s: %.2g ms + %.2f ms a GFLOP, at most %.0f %% off", s.Name, s.Line.Fixed, s.Line.PerGFlop, 100*s.Line.Worst), line, marks)
	return nil
}

// sans sets a text in a font without serifs.
func sans(style *draw.TextStyle, points float64) {
	style.Font.Variant, style.Font.Size = "Sans", vg.Points(points)
}

// decades ticks a logarithmic axis at 1, 2 and 5 times the powers of ten.
type decades struct{}

// Ticks are the ticks between two values.
func (decades) Ticks(lo, hi float64) []plot.Tick {
	var out []plot.Tick
	for power := math.Pow(10, math.Floor(math.Log10(lo))); power <= hi; power *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if v := m * power; v >= lo && v <= hi {
				out = append(out, plot.Tick{Value: v, Label: fmt.Sprintf("%g", v)})
			}
		}
	}
	return out
}
