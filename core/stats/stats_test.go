package stats_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/sslctl/sslctl/core/stats"
)

// golden is testdata/stats.json, made by testdata/make_golden.py with scipy and statsmodels.
type golden struct {
	Summaries []struct {
		X                   []float64
		Mean, SD, Low, High float64
	}
	Pairs []struct {
		A, B []float64
		T, P float64
	}
	Holm []struct{ P, Adjusted []float64 }
}

func readGolden(t *testing.T) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/stats.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(1, math.Abs(b)) }

func TestSummariseAgreesWithScipy(t *testing.T) {
	for _, want := range readGolden(t).Summaries {
		s := stats.Summarise(want.X)
		if !near(s.Mean, want.Mean) || !near(s.SD, want.SD) || !near(s.Low(), want.Low) || !near(s.High(), want.High) || !s.Known() {
			t.Errorf("%v: %+v from %g to %g, want %+v", want.X, s, s.Low(), s.High(), want)
		}
	}
	if s := stats.Summarise(nil); s != (stats.Summary{}) {
		t.Errorf("of nothing: %+v", s)
	}
	if s := stats.Summarise([]float64{3}); s.Mean != 3 || s.Half != 0 || s.Known() {
		t.Errorf("of one: %+v", s)
	}
}

func TestPairAgreesWithScipy(t *testing.T) {
	for _, want := range readGolden(t).Pairs {
		p, err := stats.Pair(want.A, want.B)
		if err != nil {
			t.Fatal(err)
		}
		if !near(p.T, want.T) || !near(p.P, want.P) {
			t.Errorf("%v against %v: t %g, p %g, want %g, %g", want.A, want.B, p.T, p.P, want.T, want.P)
		}
	}
}

func TestHolmAgreesWithStatsmodels(t *testing.T) {
	for _, want := range readGolden(t).Holm {
		for i, p := range stats.Holm(want.P) {
			if !near(p, want.Adjusted[i]) {
				t.Errorf("%v: adjusted p %d is %g, want %g", want.P, i, p, want.Adjusted[i])
			}
		}
	}
}

func TestPairAtTheEdges(t *testing.T) {
	for name, c := range map[string][2][]float64{
		"no runs":             {nil, nil},
		"one pair":            {{2}, {1}},
		"same results":        {{1, 2}, {1, 2}},
		"the same difference": {{0.3, 0.6, 0.9}, {0.1, 0.4, 0.7}},
	} {
		if p, err := stats.Pair(c[0], c[1]); err != nil || p.T != 0 || p.P != 1 {
			t.Errorf("%s: t %g, p %g (%v), want no test", name, p.T, p.P, err)
		}
	}
	if _, err := stats.Pair([]float64{1, 2}, []float64{1}); err == nil {
		t.Error("unequal numbers of runs: no error")
	}
	if _, err := stats.Pair([]float64{1, math.NaN()}, []float64{1, 2}); err == nil {
		t.Error("a result that is not a number: no error")
	}
}

func TestCompare(t *testing.T) {
	base := stats.Sample{Name: "vicreg", Values: []float64{80, 81, 82, 83, 84}}
	got, err := stats.Compare(base, []stats.Sample{
		{Name: "better", Values: []float64{82, 83.1, 83.9, 85.2, 86}},
		{Name: "worse", Values: []float64{77, 78.1, 78.9, 80.2, 81}},
		{Name: "same", Values: []float64{80.5, 80.4, 82.3, 82.6, 84.2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []stats.Outcome{stats.Higher, stats.Lower, stats.NotResolved} {
		if got[i].Outcome != want || got[i].Adjusted < got[i].Paired.P {
			t.Errorf("%s is %s with p %g, adjusted %g; want %s", got[i].Name, got[i].Outcome, got[i].Paired.P, got[i].Adjusted, want)
		}
	}
	if _, err := stats.Compare(base, []stats.Sample{{Name: "short", Values: []float64{1}}}); err == nil {
		t.Error("unequal numbers of runs: no error")
	}
}

// TestCorrectionHoldsBackLuck has a p-value below Level alone that no longer is one among ten methods.
func TestCorrectionHoldsBackLuck(t *testing.T) {
	base := stats.Sample{Name: "base", Values: []float64{80, 81, 82}}
	lucky := stats.Sample{Name: "lucky", Values: []float64{81, 82.3, 82.8}}
	alone, err := stats.Compare(base, []stats.Sample{lucky})
	if err != nil {
		t.Fatal(err)
	}
	methods := []stats.Sample{lucky}
	for i := range 9 {
		methods = append(methods, stats.Sample{Name: fmt.Sprint(i), Values: []float64{80.1, 80.8, 82.1}})
	}
	among, err := stats.Compare(base, methods)
	if err != nil {
		t.Fatal(err)
	}
	if alone[0].Outcome != stats.Higher || among[0].Outcome != stats.NotResolved {
		t.Errorf("alone %s (p %g), among ten %s (adjusted %g)", alone[0].Outcome, alone[0].Adjusted, among[0].Outcome, among[0].Adjusted)
	}
}

func ExampleCompare() {
	vicreg := stats.Sample{Name: "vicreg", Values: []float64{88.1, 88.4, 87.9}}
	byol := stats.Sample{Name: "byol", Values: []float64{88.3, 88.2, 88.1}}
	cs, err := stats.Compare(vicreg, []stats.Sample{byol})
	if err != nil {
		panic(err)
	}
	d := cs[0].Paired.Difference
	fmt.Printf("%s: %+.2f ± %.2f, %s\n", cs[0].Name, d.Mean, d.Half, cs[0].Outcome)
	// Output: byol: +0.07 ± 0.57, not resolved
}
