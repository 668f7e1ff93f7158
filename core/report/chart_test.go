package report

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file of testdata, or rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

func TestTicks(t *testing.T) {
	for name, c := range map[string]struct {
		lo, hi float64
		log    bool
		want   string
	}{
		"ones":        {0, 5, false, "0 1 2 3 4 5"},
		"fives":       {0, 4212, false, "0 1,000 2,000 3,000 4,000 5,000"},
		"small":       {0.0001, 0.0021, false, "0 0.0005 0.0010 0.0015 0.0020 0.0025"},
		"negative":    {-1, 0, false, "−1.0 −0.8 −0.6 −0.4 −0.2 0"},
		"flat":        {3, 3, false, "2.7 2.8 2.9 3.0 3.1 3.2 3.3"},
		"nearly flat": {0.05, 0.05000000000000001, false, "0.044 0.046 0.048 0.050 0.052 0.054 0.056"},
		"zero":        {0, 0, false, "−1.00e-9 −5.00e-10 0 5.00e-10 1.00e-9"},
		"decades":     {1e-9, 1, true, "10⁻⁸ 10⁻⁶ 10⁻⁴ 10⁻² 10⁰"},
		"two decades": {1, 60, true, "1 2 5 10 20 50"},
		"large":       {10, 2e6, true, "10¹ 10² 10³ 10⁴ 10⁵ 10⁶"},
	} {
		s := newScale(c.lo, c.hi, 0, 100, c.log, !c.log)
		var labels []string
		for _, v := range s.ticks() {
			labels = append(labels, s.label(v))
		}
		if got := strings.Join(labels, " "); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestScaleProperties: whatever the range, ticks are few, ascending and inside, and the ends are on the axis.
func TestScaleProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := rapid.Bool().Draw(t, "log")
		value := rapid.Float64Range(-1e12, 1e12)
		if log {
			value = rapid.Float64Range(1e-12, 1e12)
		}
		a, b := value.Draw(t, "a"), value.Draw(t, "b")
		s := newScale(min(a, b), max(a, b), 200, 10, log, true)
		ticks := s.ticks()
		if len(ticks) > 12 || !slices.IsSorted(ticks) {
			t.Fatalf("ticks %v of [%g, %g]", ticks, s.lo, s.hi)
		}
		for _, v := range append(ticks, a, b) {
			if at := s.at(v); !(at >= 10-1e-3 && at <= 200+1e-3) {
				t.Fatalf("%g of [%g, %g] is at %g", v, s.lo, s.hi, at)
			}
		}
	})
}

func TestThinning(t *testing.T) {
	n := 10_000
	x, y := make([]float64, n), make([]float64, n)
	for i := range n {
		x[i], y[i] = float64(i), math.Sin(float64(i)/50)
	}
	y[4321], y[1234] = 7, -9 // spikes must stay visible
	ex, ey := envelope(x, y)
	if len(ex) > maxPoints || !slices.Contains(ey, 7) || !slices.Contains(ey, -9) || !slices.IsSorted(ex) {
		t.Errorf("envelope: %d points, spikes kept: %v %v", len(ex), slices.Contains(ey, 7), slices.Contains(ey, -9))
	}
	px, _ := pick(x, y)
	if len(px) > maxPoints || px[0] != 0 || px[len(px)-1] != float64(n-1) {
		t.Errorf("pick: %d points from %g to %g", len(px), px[0], px[len(px)-1])
	}
	s := smooth([]float64{1, 2, 3, math.NaN(), 5, 6})
	if s[1] != 2 || !math.IsNaN(s[3]) || s[4] != 5.5 {
		t.Errorf("smooth: %v", s)
	}
}

func testChart() chart {
	return chart{Title: `Loss <"&>`, Note: "of a test", X: "step", lines: []line{
		{Label: "a & b", Colour: 0, x: []float64{0, 10, 20, 30, 40}, y: []float64{4, 2, math.NaN(), 1, math.Inf(1)}},
		{Colour: 9, x: []float64{0, 40}, y: []float64{3, 3.5}, faint: true, dash: 1},
	}, guides: []guide{{2.5, "1/√2"}}}
}

func TestChartGolden(t *testing.T) { golden(t, "chart.svg", string(testChart().SVG())+"\n") }

// TestChartsAreXML holds every figure of two runs to strict XML, which nothing unescaped passes.
func TestChartsAreXML(t *testing.T) {
	runs := []Run{healthy(t), collapsed(t)}
	figures := []string{string(accuracyChart(runs)), string(testChart().SVG())}
	for _, c := range append(trainingCharts(runs), embeddingCharts(runs)...) {
		figures = append(figures, string(c.SVG()))
	}
	for _, f := range figures {
		d := xml.NewDecoder(strings.NewReader(f))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in %.200s", err, f)
			}
		}
	}
}

func TestNothingToDraw(t *testing.T) {
	for _, c := range []chart{{}, {lines: []line{{x: []float64{1}, y: []float64{math.NaN()}}}}} {
		if got := c.SVG(); got != "" {
			t.Errorf("a chart of nothing: %s", got)
		}
	}
	if got := accuracyChart([]Run{{}}); got != "" {
		t.Errorf("accuracies of nothing: %s", got)
	}
}

func TestLogarithmIsChosen(t *testing.T) {
	for name, c := range map[string]struct {
		y    []float64
		want bool
	}{
		"wide": {[]float64{1000, 1}, true}, "narrow": {[]float64{3, 1}, false}, "negative": {[]float64{1000, -1}, false}, "zero": {[]float64{0, 100}, false},
	} {
		ch := chart{lines: []line{{x: []float64{0, 1}, y: c.y}}}
		if ch.autoLog(); ch.logY != c.want {
			t.Errorf("%s: logarithmic %v, want %v", name, ch.logY, c.want)
		}
	}
}
