package report

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSummaryGolden(t *testing.T) {
	unfinished := load(t, "vicreg", exampleConfig, nil, healthyRecords(1)[:7])
	noLabels := healthy(t)
	noLabels.Result.Probes, noLabels.Result.Terms = nil, nil
	for name, r := range map[string]Run{"healthy": healthy(t), "collapsed": collapsed(t), "unfinished": unfinished, "no-labels": noLabels} {
		var b strings.Builder
		if err := Summary(&b, r, SummaryOptions{}); err != nil {
			t.Fatal(err)
		}
		golden(t, "summary-"+name+".txt", b.String())
	}
}

// TestColoursAloneDiffer: in colour, the summary is the same text.
func TestColoursAloneDiffer(t *testing.T) {
	var plain, coloured strings.Builder
	for o, b := range map[SummaryOptions]*strings.Builder{{}: &plain, {Colour: true}: &coloured} {
		if err := Summary(b, collapsed(t), o); err != nil {
			t.Fatal(err)
		}
	}
	escapes := regexp.MustCompile("\x1b\\[[0-9;]*m")
	if !escapes.MatchString(coloured.String()) {
		t.Error("no colours")
	}
	if d := cmp.Diff(plain.String(), escapes.ReplaceAllString(coloured.String(), "")); d != "" {
		t.Error(d)
	}
}

func render(t *testing.T, runs ...Run) string {
	t.Helper()
	var b bytes.Buffer
	if err := Render(&b, runs); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageShowsTheRun(t *testing.T) {
	page := render(t, healthy(t))
	for _, want := range []string{
		"<title>VICReg on fashion-mnist", "88.9 %", "&#43;5.1", "1 % labels", "The embeddings did not collapse.", "Spectrum of the covariance",
		"invariance", "before its weight of 25", "Shares of the loss", "1/√512", "data:image/png;base64,", "weight_decay", "0.0001",
		"sslctl run --method vicreg", "Intel(R) Xeon(R) Processor", "ba7816bf8f01…", "loss = add(mul(25",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if page != render(t, healthy(t)) {
		t.Error("the same run gives two pages")
	}
	if strings.Contains(page, "ZgotmplZ") {
		t.Error("html/template refused a value")
	}
}

// TestPageNeedsNoNetwork: nothing in the page is fetched. The one address is the name of SVG in the script.
func TestPageNeedsNoNetwork(t *testing.T) {
	page := strings.ReplaceAll(render(t, healthy(t), collapsed(t)), `"http://www.w3.org/2000/svg"`, "")
	for _, pattern := range []string{`https?://`, `//[a-z]+\.`, `\bsrc="[^d]`, `<link`, `@import`, `url\(`} {
		if m := regexp.MustCompile(pattern).FindString(page); m != "" {
			t.Errorf("%s is in the page", m)
		}
	}
}

func TestPageOfSeveralRuns(t *testing.T) {
	page := render(t, healthy(t), collapsed(t))
	for _, want := range []string{"2 runs on fashion-mnist", "What differs between the runs", "params.stop_gradient", "linear, SimSiam", "What to change",
		"<code>--add-reg var,cov</code>", "objectives differ"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(page, "data:image/png"); n != 1 {
		t.Errorf("a shared picture is shown %d times", n)
	}
}

func TestPageOfAnUnfinishedRun(t *testing.T) {
	page := render(t, load(t, "vicreg", exampleConfig, nil, healthyRecords(1)[:7]))
	for _, want := range []string{"No result yet: interrupted at step 70.", "Learning rate", "Provenance"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "Accuracy on frozen features") {
		t.Error("accuracies of a run without a result")
	}
}

func TestPageEscapes(t *testing.T) {
	evil := `<script>alert("x")</script>`
	r := healthy(t)
	r.Config = []byte("method: '" + evil + "'\n")
	r.Provenance.Method.Title, r.Provenance.Machine.Host, r.Program, r.ID = evil, evil, evil, evil
	r.Result.Terms[0].Name = evil
	r.Result.Collapse.Evidence[0].Says = "`" + evil + "`"
	r.Result.Collapse.Verdict, r.Result.Collapse.Healthy = evil, false
	if page := render(t, r, collapsed(t)); strings.Contains(page, "<script>alert") {
		t.Error("a name from a run folder became a script")
	}
}

// TestLoadBeforeClose: a page that is written just before the run is closed says that it is done.
func TestLoadBeforeClose(t *testing.T) {
	w, err := run.Create(run.Options{Root: t.TempDir(), Config: []byte("a: 1\n"), Now: started, Provenance: run.Provenance{Started: started()}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []run.Status{run.Running, run.Done} {
		if r, err := Load(w.Dir()); err != nil || r.Status != want {
			t.Errorf("status %s, %v, want %s", r.Status, err, want)
		}
		if err := w.WriteResult(*healthyResult()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(run.Done, ""); err != nil {
		t.Fatal(err)
	}
}

func TestLabelsTellRunsApart(t *testing.T) {
	a, b, c := healthy(t), healthy(t), collapsed(t)
	b.Provenance.Seed = 2
	if got := []string{label([]Run{a, b, c}, 0), label([]Run{a, b, c}, 1), label([]Run{a, b, c}, 2)}; cmp.Diff(got, []string{"VICReg, seed 1", "VICReg, seed 2", "SimSiam"}) != "" {
		t.Errorf("%q", got)
	}
	if got := label([]Run{a, a}, 1); got != a.ID {
		t.Errorf("%q", got)
	}
}

func TestSettings(t *testing.T) {
	list, err := settings([]Run{{Config: []byte("a: 1\nb: {c: [1, 2], d: x}\nv:\n  - {e: 1}\n  - {e: 2}\n")}, {Config: []byte("a: 1\nb: {c: [1, 3]}\nz: true\n")}})
	if err != nil {
		t.Fatal(err)
	}
	want := []setting{
		{"a", []string{"1", "1"}, false}, {"b.c", []string{"[1, 2]", "[1, 3]"}, true}, {"b.d", []string{"x", ""}, true},
		{"v.0.e", []string{"1", ""}, true}, {"v.1.e", []string{"2", ""}, true}, {"z", []string{"", "true"}, true},
	}
	if d := cmp.Diff(want, list); d != "" {
		t.Error(d)
	}
	if _, err := settings([]Run{{ID: "x", Config: []byte("a: [")}}); err == nil {
		t.Error("no error of a damaged configuration")
	}
}

func TestErrors(t *testing.T) {
	if err := Render(&bytes.Buffer{}, nil); fault.CodeOf(err) != fault.Usage {
		t.Errorf("no runs: %v", err)
	}
	if _, err := Load(t.TempDir()); fault.CodeOf(err) != fault.Data {
		t.Errorf("no run folder: %v", err)
	}
	r := load(t, "vicreg", exampleConfig, healthyResult(), nil)
	dir := t.TempDir()
	for name, content := range map[string]string{"status": "done\n", "config.yaml": "a: 1\n", "provenance.json": "{}", "result.json": "{"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(dir); fault.CodeOf(err) != fault.Data {
		t.Errorf("damaged result: %v", err)
	}
	render(t, r) // a run without records has a page
}

// TestWritePages writes pages for the eye into the folder that SSLCTL_REPORT_PAGES names.
func TestWritePages(t *testing.T) {
	dir := os.Getenv("SSLCTL_REPORT_PAGES")
	if dir == "" {
		t.Skip("SSLCTL_REPORT_PAGES is not set: no pages are written for the eye")
	}
	for name, runs := range map[string][]Run{"one": {healthy(t)}, "two": {healthy(t), collapsed(t)}, "bad": {collapsed(t)}} {
		if err := os.WriteFile(filepath.Join(dir, name+".html"), []byte(render(t, runs...)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
