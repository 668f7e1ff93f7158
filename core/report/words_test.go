package report

import (
	"math"
	"testing"

	"github.com/sslctl/sslctl/core/run"
)

func TestFigure(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", -0.25: "−0.25", 14.6234: "14.62", 0.0034: "0.0034", 0.00034: "3.40e-4", 123456: "123,456",
		2.5e6: "2.50e6", -2.5e-7: "−2.50e-7", math.Inf(1): "∞", math.Inf(-1): "−∞", 9999.4: "9999", 12345.6: "12,346",
	} {
		if got := figure(v); got != want {
			t.Errorf("figure(%v) = %s, want %s", v, got, want)
		}
	}
	if got := figure(math.NaN()); got != "NaN" {
		t.Errorf("figure(NaN) = %s", got)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 46900: "46,900", 1284352: "1,284,352", -1000: "−1,000", -99: "−99"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestPercentAndPoints(t *testing.T) {
	for v, want := range map[run.Number]string{0: "0.0 %", 1: "100.0 %", 0.88949: "88.9 %"} {
		if got := percent(v); got != want {
			t.Errorf("percent(%v) = %s, want %s", v, got, want)
		}
	}
	for v, want := range map[run.Number]string{0.0512: "+5.1", -0.003: "−0.3", 0.0004: "±0.0", -0.0004: "±0.0"} {
		if got := points(v); got != want {
			t.Errorf("points(%v) = %s, want %s", v, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for s, want := range map[run.Number]string{0.4: "0 s", 59.4: "59 s", 59.6: "1 min 00 s", 151: "2 min 31 s", 3600: "1 h 00 min", 90061: "25 h 01 min", -1: "–"} {
		if got := span(s); got != want {
			t.Errorf("span(%v) = %s, want %s", s, got, want)
		}
	}
}

func TestShellLine(t *testing.T) {
	got := shellLine([]string{"sslctl", "--set", "nu=2", "a b", "it's", "", "$HOME"})
	if want := `sslctl --set nu=2 'a b' 'it'\''s' '' '$HOME'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestFewLabelsAreNamedByShareOrNumber(t *testing.T) {
	for labels, want := range map[int]string{600: "1 % labels", 610: "1 % labels", 6000: "10 % labels", 500: "500 labels", 40: "40 labels"} {
		r := healthyResult()
		for i := range r.Probes {
			if r.Probes[i].Probe == run.FewLabels {
				r.Probes[i].Labels = labels
			}
		}
		if got := probeWord(run.FewLabels, []Run{{Result: r}}); got != want {
			t.Errorf("%d of 60,000: %s, want %s", labels, got, want)
		}
	}
	if got := probeWord(run.FewLabels, []Run{{}}); got != "few labels" {
		t.Errorf("unknown: %s", got)
	}
}

func TestHeadline(t *testing.T) {
	unfinished := load(t, "vicreg", exampleConfig, nil, healthyRecords(1)[:7])
	unfinished.Reason = "by the user"
	low := healthyResult()
	low.Probes, low.Collapse = nil, run.Collapse{Verdict: "dimensional"}
	for name, c := range map[string]struct {
		run  Run
		want string
	}{
		"healthy": {healthy(t), "A linear classifier on the frozen features is right for 88.9 % of 10,000 test images: " +
			"5.1 points above the better baseline, raw pixels. The embeddings did not collapse."},
		"collapsed": {collapsed(t), "A linear classifier on the frozen features is right for 58.9 % of 10,000 test images: " +
			"24.9 points below the better baseline, raw pixels. The embeddings collapsed: the predictor found the trivial solution."},
		"no probes":  {Run{Result: low}, "The embeddings show dimensional collapse."},
		"unfinished": {unfinished, "No result yet: interrupted at step 70 (by the user)."},
	} {
		if got := c.run.headline(); got != c.want {
			t.Errorf("%s: got %s\nwant %s", name, got, c.want)
		}
	}
}
