package report

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/core/run"
)

// Size of a map in the units of its view box.
const (
	planeW, planeH = 640.0, 460.0
	planeMargin    = 22.0
)

// hues is the number of colours of classes; those after them have rings instead of dots.
const hues = 10

// planes are the maps of runs, in which a class has one colour.
type planes struct {
	Classes []class
	Maps    []planeView
	Caption string
	Without []string // labels of finished runs that have no map
}

// class is an entry of the legend.
type class struct {
	Name  string
	Index int
}

// Hue is the class's colour, Ring whether it is drawn as a ring.
func (c class) Hue() int   { return c.Index % hues }
func (c class) Ring() bool { return c.Index >= hues }

// planeView is a run's map as the page shows it.
type planeView struct {
	Label string
	Run   int
	Note  string
	SVG   template.HTML
}

// planesOf draws the map of each run that has one.
func planesOf(runs []Run) planes {
	var p planes
	index := map[string]int{}
	for _, r := range runs {
		if r.Map == nil {
			continue
		}
		for _, name := range r.Map.Classes {
			if _, ok := index[name]; !ok {
				index[name] = len(p.Classes)
				p.Classes = append(p.Classes, class{name, len(p.Classes)})
			}
		}
	}
	for i, r := range runs {
		switch {
		case r.Map != nil:
			p.Maps = append(p.Maps, planeView{Label: label(runs, i), Run: i, Note: planeNote(r), SVG: planeSVG(*r.Map, index, label(runs, i))})
		case r.Result != nil:
			p.Without = append(p.Without, label(runs, i))
		}
	}
	p.Caption = planeCaption(runs)
	return p
}

// planeNote says of one run's map how much of the neighbourhoods it keeps, and of a collapsed run what it shows.
func planeNote(r Run) string {
	note := fmt.Sprintf("%d dimensions to 2, divergence %.2f nats", r.Map.Dim, float64(r.Map.KL))
	if r.Result != nil && r.Result.Collapse.Verdict != "" && !r.Result.Collapse.Healthy {
		note += "; the embeddings collapsed, and a map fills its page with whatever little differs"
	}
	return note
}

// planeCaption says what the maps are made of and what they cannot show.
func planeCaption(runs []Run) string {
	at := slices.IndexFunc(runs, func(r Run) bool { return r.Map != nil })
	if at < 0 {
		return ""
	}
	m := runs[at].Map
	s := fmt.Sprintf("Each mark is an image: %s of the %s in the %s split, seen without augmentation; t-SNE with perplexity %s, from the principal components. ",
		count(len(m.Points)), count(m.Images), m.Split, figure(float64(m.Perplexity)))
	if n := len(m.Classes); n > 0 {
		s += "Colours are the classes, which training never saw"
		if n < m.AllClasses {
			s += fmt.Sprintf(": %d of %s, at even distances in their list", n, count(m.AllClasses))
		}
		s += ". "
	}
	return s + "Images that lie close together have similar embeddings. The axes, the size of a cluster and the distance between clusters mean nothing, " +
		"and a gap is no proof that classes can be told apart: the probes measure that."
}

// planeSVG draws a map: a group a class, whose marks are one path of round dots, and the class's name where most of
// them are. index gives a class's number among those of all runs.
func planeSVG(m run.Map, index map[string]int, name string) template.HTML {
	at := fit(m.Points)
	groups := map[int][][2]float64{}
	for i, p := range at {
		c := -1
		if i < len(m.Labels) && m.Labels[i] >= 0 && m.Labels[i] < len(m.Classes) {
			c = index[m.Classes[m.Labels[i]]]
		}
		groups[c] = append(groups[c], p)
	}
	names := map[int]string{-1: "images"}
	for _, n := range m.Classes {
		names[index[n]] = n
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="plane" viewBox="0 0 %g %g" role="group" aria-label="map of the embeddings, %s">`, planeW, planeH, html.EscapeString(name))
	var tags []tag
	for _, c := range ordered(groups) {
		drawClass(&b, c, names[c], groups[c])
		if c >= 0 {
			tags = append(tags, tag{c, names[c], densest(groups[c])})
		}
	}
	for _, t := range apart(tags) {
		fmt.Fprintf(&b, `<text class="c%d" data-class="%d" x="%.0f" y="%.0f" text-anchor="middle">%s</text>`, t.class%hues, t.class, t.at[0], t.at[1]+4, html.EscapeString(t.name))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String()) // every text in it was escaped
}

func ordered(groups map[int][][2]float64) []int {
	var out []int
	for c := range groups {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}

// drawClass writes the marks of a class, which the keyboard can reach.
func drawClass(b *strings.Builder, c int, name string, points [][2]float64) {
	images := "images"
	if len(points) == 1 {
		images = "image"
	}
	title := name
	if c >= 0 {
		title = fmt.Sprintf("%s, %s %s", name, count(len(points)), images)
	}
	title = html.EscapeString(title)
	var path strings.Builder
	for _, p := range points {
		fmt.Fprintf(&path, "M%.1f %.1fh0", p[0], p[1])
	}
	hue := "none"
	if c >= 0 {
		hue = fmt.Sprintf("c%d", c%hues)
	}
	fmt.Fprintf(b, `<g class="%s" data-class="%d" tabindex="0" role="img" aria-label="%s"><title>%s</title><path d="%s"/>`, hue, c, title, title, path.String())
	if c >= hues {
		fmt.Fprintf(b, `<path class="hole" d="%s"/>`, path.String())
	}
	b.WriteString("</g>")
}

// fit scales points to the view box, both axes alike. A map is turned to lie along the longer side.
func fit(points [][2]float64) [][2]float64 {
	lo, hi := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for _, p := range points {
		for k, v := range p {
			lo[k], hi[k] = min(lo[k], v), max(hi[k], v)
		}
	}
	x, y := 0, 1
	if hi[1]-lo[1] > hi[0]-lo[0] {
		x, y = 1, 0
	}
	scale := min((planeW-2*planeMargin)/max(hi[x]-lo[x], 1e-9), (planeH-2*planeMargin)/max(hi[y]-lo[y], 1e-9))
	out := make([][2]float64, len(points))
	for i, p := range points {
		out[i] = [2]float64{planeW/2 + scale*(p[x]-(lo[x]+hi[x])/2), planeH/2 - scale*(p[y]-(lo[y]+hi[y])/2)}
	}
	return out
}

// crowd is the distance within which densest counts neighbours.
const crowd = 40.0

// densest is the point that has most others near it; among equals, the one nearest to the centre of those.
func densest(points [][2]float64) [2]float64 {
	var best [2]float64
	most, least := -1, 0.0
	for _, a := range points {
		near, sum := 0, 0.0
		for _, b := range points {
			if d := math.Hypot(a[0]-b[0], a[1]-b[1]); d < crowd {
				near++
				sum += d
			}
		}
		if near > most || near == most && sum < least {
			best, most, least = a, near, sum
		}
	}
	return best
}

// tag is a class's name on a map.
type tag struct {
	class int
	name  string
	at    [2]float64
}

// Size of a tag's letters and lines, and how often apart pushes.
const (
	letter = 7.2
	lines  = 17.0
	pushes = 60
)

// apart moves tags that cover each other up and down until they do not, and keeps all inside the map.
func apart(tags []tag) []tag {
	slices.SortStableFunc(tags, func(a, b tag) int { return cmp.Compare(a.at[1], b.at[1]) })
	half := func(t tag) float64 { return letter * float64(len([]rune(t.name))) / 2 }
	for range pushes {
		for i := range tags {
			for j := i + 1; j < len(tags); j++ {
				overlap := lines - math.Abs(tags[j].at[1]-tags[i].at[1])
				if overlap <= 0 || math.Abs(tags[j].at[0]-tags[i].at[0]) > half(tags[i])+half(tags[j]) {
					continue
				}
				up, down := i, j
				if tags[i].at[1] > tags[j].at[1] {
					up, down = j, i
				}
				tags[up].at[1] -= overlap/2 + 0.5
				tags[down].at[1] += overlap/2 + 0.5
			}
		}
		for i := range tags {
			t := &tags[i]
			t.at[0] = max(half(*t)+2, min(planeW-half(*t)-2, t.at[0]))
			t.at[1] = max(lines/2, min(planeH-lines/2, t.at[1]))
		}
	}
	return tags
}
