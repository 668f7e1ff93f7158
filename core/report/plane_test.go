package report

import (
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/run"
)

// exampleMap has a cluster of points for each class, on a circle.
func exampleMap(classes ...string) *run.Map {
	m := &run.Map{Classes: classes, AllClasses: len(classes), Split: "test", Images: 10000, Dim: 512, Perplexity: 30, KL: 1.17}
	r := rand.New(rand.NewPCG(5, 0))
	for i := range 50 * max(1, len(classes)) {
		angle := 0.0
		if len(classes) > 0 {
			m.Labels = append(m.Labels, i%len(classes))
			angle = 2 * math.Pi * float64(i%len(classes)) / float64(len(classes))
		}
		m.Points = append(m.Points, [2]float64{30*math.Cos(angle) + 4*r.NormFloat64(), 18*math.Sin(angle) + 3*r.NormFloat64()})
	}
	return m
}

func TestPageShowsTheMap(t *testing.T) {
	r := healthy(t)
	r.Map = exampleMap("sneaker", "bag & <belt>", "coat")
	page := render(t, r)
	for _, want := range []string{"Map of the embeddings", `aria-label="sneaker, 50 images"`, "<title>coat, 50 images</title>", "bag &amp; &lt;belt&gt;</text>", "bag &amp; &lt;belt&gt;</span>",
		"150 of the 10,000 in the test split", "512 dimensions to 2, divergence 1.17 nats", "mean nothing"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(page, "h0"); n != 150 {
		t.Errorf("the map has %d marks, want 150", n)
	}
	if strings.Contains(page, "No map of the embeddings") || strings.Contains(page, "Without a map") {
		t.Error("the page misses a map that it has")
	}
	r.Map = nil
	if page := render(t, r); !strings.Contains(page, "No map of the embeddings: the run folder has none.") {
		t.Error("the page does not say that it lacks a map")
	}
}

// TestMapsShareTheirColours: a class has one colour in the maps of all runs, whatever the order in each run.
func TestMapsShareTheirColours(t *testing.T) {
	a, b, none := healthy(t), collapsed(t), healthy(t)
	a.Map, b.Map = exampleMap("cat", "dog"), exampleMap("dog", "fox", "cat")
	none.Provenance.Method.Title = "BYOL: no map"
	p := planesOf([]Run{a, b, none})
	if got := fmt.Sprint(p.Classes); got != "[{cat 0} {dog 1} {fox 2}]" {
		t.Errorf("classes %s", got)
	}
	for i, want := range []string{`<g class="c1" data-class="1" tabindex="0" role="img" aria-label="dog, 50 images">`, `<g class="c0" data-class="0" tabindex="0" role="img" aria-label="cat, 50 images">`} {
		for k, m := range p.Maps {
			if !strings.Contains(string(m.SVG), want) {
				t.Errorf("map %d lacks %s (%d)", k, want, i)
			}
		}
	}
	if got := fmt.Sprint(p.Without); got != "[BYOL]" {
		t.Errorf("runs without a map: %s", got)
	}
	if !strings.Contains(p.Maps[1].Note, "the embeddings collapsed") || strings.Contains(p.Maps[0].Note, "collapsed") {
		t.Errorf("notes %q, %q", p.Maps[0].Note, p.Maps[1].Note)
	}
}

// TestMapWithoutLabels has one colourless group and no legend; classes beyond the colours are rings.
func TestMapWithoutLabels(t *testing.T) {
	r := healthy(t)
	r.Map = exampleMap()
	p := planesOf([]Run{r})
	if len(p.Classes) != 0 || !strings.Contains(string(p.Maps[0].SVG), `<g class="none" data-class="-1"`) || strings.Contains(p.Caption, "Colours") {
		t.Errorf("%v\n%s", p.Classes, p.Caption)
	}
	var many []string
	for i := range 12 {
		many = append(many, "class "+strconv.Itoa(i))
	}
	r.Map = exampleMap(many...)
	r.Map.AllClasses = 100
	p = planesOf([]Run{r})
	if n := strings.Count(string(p.Maps[0].SVG), `class="hole"`); n != 2 {
		t.Errorf("%d of 12 classes are rings, want 2", n)
	}
	if !strings.Contains(p.Caption, "12 of 100") {
		t.Error(p.Caption)
	}
}

// TestMapFitsItsFrame: marks and names lie inside the view box, names do not cover each other, and points that are all
// the same have a place too.
func TestMapFitsItsFrame(t *testing.T) {
	m := exampleMap("a long name of a class", "another long name", "c", "d", "e", "f", "g", "h", "i", "j")
	for i := range m.Points { // ten classes in one place
		m.Points[i] = [2]float64{float64(i % 7), float64(i % 300)}
	}
	index := map[string]int{}
	for i, c := range m.Classes {
		index[c] = i
	}
	svg := string(planeSVG(*m, index, "run"))
	var names [][2]float64
	for _, at := range regexp.MustCompile(`<text [^>]*x="([-\d.]+)" y="([-\d.]+)"`).FindAllStringSubmatch(svg, -1) {
		x, _ := strconv.ParseFloat(at[1], 64)
		y, _ := strconv.ParseFloat(at[2], 64)
		names = append(names, [2]float64{x, y})
	}
	if len(names) != 10 {
		t.Fatalf("%d names", len(names))
	}
	for i, a := range names {
		if a[0] < 0 || a[0] > planeW || a[1] < 0 || a[1] > planeH {
			t.Errorf("a name is at %v", a)
		}
		for _, b := range names[:i] {
			if math.Abs(a[1]-b[1]) < lines-3 && math.Abs(a[0]-b[0]) < letter {
				t.Errorf("names at %v and %v cover each other", a, b)
			}
		}
	}
	for _, p := range fit(m.Points) {
		if p[0] < planeMargin-1e-6 || p[0] > planeW-planeMargin+1e-6 || p[1] < planeMargin-1e-6 || p[1] > planeH-planeMargin+1e-6 {
			t.Fatalf("a point is at %v", p)
		}
	}
	if got := fit([][2]float64{{3, 3}, {3, 3}}); got[0] != [2]float64{planeW / 2, planeH / 2} {
		t.Errorf("equal points lie at %v", got)
	}
}
