package compare

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/stats"
)

var update = flag.Bool("update", false, "write golden files")

// attempt is a run with accuracies of linear probe and kNN, in percent.
func attempt(seed uint64, verdict string, linear, knn float64) Attempt {
	probe := func(name, features string, v float64) run.ProbeResult {
		return run.ProbeResult{Probe: name, Features: features, Accuracy: run.Number(v / 100), Test: 10000, Labels: 12800}
	}
	a := Attempt{Seed: seed, Dir: "runs/x", Result: run.Result{Collapse: run.Collapse{Verdict: verdict, Healthy: verdict == "none"}, Probes: []run.ProbeResult{
		probe(run.Linear, run.Trained, linear), probe(run.KNN, run.Trained, knn),
		probe(run.Linear, run.Untrained, 70+float64(seed)), probe(run.KNN, run.Untrained, 65),
		probe(run.Linear, run.Pixels, 82), probe(run.KNN, run.Pixels, 80)}}}
	return a
}

func diverges(seed uint64) Attempt { return Attempt{Seed: seed, Failed: "the loss is NaN at step 3"} }

func cells(names ...string) []Cell {
	out := make([]Cell, len(names))
	for i, n := range names {
		c := config.Default()
		c.Data.Name, c.Method = "fashion-mnist", n
		out[i] = Cell{Name: n, Labels: []string{n}, Config: c}
	}
	return out
}

func comparison(t *testing.T) Report {
	t.Helper()
	s := Study{Title: "Comparison of methods", Axes: []string{"method"}, Cells: cells("vicreg", "byol", "a|b<c"), Seeds: 3}
	s.Cells[2].Config.Train.Batch = 64
	outcomes := []Outcome{
		{s.Cells[0], []Attempt{attempt(0, "none", 84.1, 80.0), attempt(1, "none", 84.5, 80.4), attempt(2, "none", 84.3, 80.1)}},
		{s.Cells[1], []Attempt{attempt(0, "none", 86.0, 80.2), attempt(1, "none", 86.5, 80.1), attempt(2, "none", 86.2, 80.5)}},
		{s.Cells[2], []Attempt{attempt(0, "complete", 60.0, 50), diverges(1), attempt(2, "dimensional", 70.0, 60)}},
	}
	r, err := NewReport(s, outcomes, "sslctl compare --methods vicreg,byol")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func ablation(t *testing.T) Report {
	t.Helper()
	r, err := parseRecipe([]byte(`
title: An ablation
source: A paper, Table 1
axes: [method, BN]
columns: [plain, regularised]
notes: [A note.]
rows:
  - {labels: [byol, ✓], cells: [{paper: 69.3}, {paper: 70.2}]}
  - {labels: [byol, ""], cells: [{paper: collapse}, {paper: 57}]}
  - {labels: [vicreg, ""], cells: [{paper: collapse}, {}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	s := Study{Title: r.Title, Axes: r.Axes, Seeds: 2, Cells: cells("1", "2", "3", "4", "5", "6")}
	two := func(a, b Attempt) Outcome { return Outcome{Runs: []Attempt{a, b}} }
	out, err := r.Report(s, []Outcome{
		two(attempt(0, "none", 84, 0), attempt(1, "none", 84.2, 0)), two(attempt(0, "none", 85, 0), attempt(1, "none", 85.21, 0)),
		two(attempt(0, "complete", 61, 0), diverges(1)), two(attempt(0, "none", 80, 0), attempt(1, "bypass", 79, 0)),
		two(diverges(0), diverges(1)), two(attempt(0, "dimensional", 75, 0), attempt(1, "none", 76, 0)),
	}, "sslctl ablate mine.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestGolden(t *testing.T) {
	for name, r := range map[string]Report{"compare": comparison(t), "ablate": ablation(t)} {
		for format, extension := range map[string]string{Terminal: "txt", Markdown: "md", CSV: "csv"} {
			var b bytes.Buffer
			if err := r.Write(&b, format); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+"."+extension)
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), b.String()); d != "" {
				t.Errorf("%s: %s", path, d)
			}
		}
	}
}

// TestPageStandsAlone: names are escaped, nothing is fetched, and both themes are there.
func TestPageStandsAlone(t *testing.T) {
	var b bytes.Buffer
	if err := comparison(t).Write(&b, HTML); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"a|b&lt;c", "prefers-color-scheme: dark", "84.3 ± 0.5", "sslctl compare --methods", "not resolved"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if found := regexp.MustCompile(`(src|href)=|url\(|@import|https?://`).FindString(page); found != "" {
		t.Errorf("the page refers to something outside: %q", found)
	}
}

// TestDifferencesArePaired: a test uses the seeds that both sides have, and Holm's correction covers one probe.
func TestDifferencesArePaired(t *testing.T) {
	r := comparison(t)
	byName := map[string]Difference{}
	for _, d := range r.Differences {
		if d.Probe == run.Linear {
			byName[d.Row] = d
		}
	}
	pair, err := stats.Pair([]float64{.86, .865, .862}, []float64{.841, .845, .843})
	if err != nil {
		t.Fatal(err)
	}
	if d := byName["byol"]; d.Outcome != stats.Higher || d.Paired.P != pair.P || d.Adjusted != 2*pair.P {
		t.Errorf("byol: %+v, want twice p %g", d, pair.P)
	}
	if d := byName["a|b<c"]; d.Paired.Difference.N != 2 || d.Outcome != stats.NotResolved {
		t.Errorf("the method with a diverged run: %+v", d)
	}
}

func TestFormatOf(t *testing.T) {
	for path, want := range map[string]string{"a.csv": CSV, "b/c.MD": Markdown, "x.html": HTML, "x.json": JSON, "t.txt": Terminal, "x.pdf": "", "x": ""} {
		got, err := FormatOf(path)
		if got != want || (err != nil) != (want == "") || err != nil && fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %q (%v)", path, got, err)
		}
	}
	if err := CheckFormat("pdf"); fault.CodeOf(err) != fault.Usage {
		t.Errorf("format pdf: %v", err)
	}
}
