package collapse_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/probe/collapse"
)

func TestAnalyseAgreesWithNumpy(t *testing.T) {
	raw, err := os.ReadFile("testdata/spectrum.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		collapse.Spectrum
		Z []float32
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	for _, want := range cases {
		got, err := collapse.Analyse(t.Context(), want.Z, want.N, want.D)
		if err != nil {
			t.Fatal(err)
		}
		a, b := figures(t, got), figures(t, want.Spectrum)
		if len(a) != 16 {
			t.Fatalf("a spectrum has %d figures, the test knows 16", len(a))
		}
		for name, x := range a {
			if !slices.EqualFunc(x, b[name], near) {
				t.Errorf("%d×%d: %s is %v, want %v", want.N, want.D, name, x, b[name])
			}
		}
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*math.Max(1e-3, math.Abs(b)) }

// figures are a spectrum's numbers by their names in JSON.
func figures(t *testing.T, s collapse.Spectrum) map[string][]float64 {
	t.Helper()
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	out := map[string][]float64{}
	for name, v := range all {
		switch v := v.(type) {
		case float64:
			out[name] = []float64{v}
		case []any:
			for _, x := range v {
				out[name] = append(out[name], x.(float64))
			}
		}
	}
	return out
}

// embeddings builds n rows of width d from f.
func embeddings(n, d int, f func(r *rand.Rand, row []float64)) []float32 {
	r := rand.New(rand.NewPCG(1, 2))
	z := make([]float32, n*d)
	row := make([]float64, d)
	for i := range n {
		f(r, row)
		for j, v := range row {
			z[i*d+j] = float32(v)
		}
	}
	return z
}

func isotropic(scale, offset float64) func(*rand.Rand, []float64) {
	return func(r *rand.Rand, row []float64) {
		for j := range row {
			row[j] = offset + scale*r.NormFloat64()
		}
	}
}

// lowRank mixes rank directions into all dimensions and adds noise.
func lowRank(rank int, noise float64) func(*rand.Rand, []float64) {
	mix := rand.New(rand.NewPCG(3, 4))
	var directions [][]float64
	return func(r *rand.Rand, row []float64) {
		for len(directions) < rank {
			v := make([]float64, len(row))
			for j := range v {
				v[j] = mix.NormFloat64()
			}
			directions = append(directions, v)
		}
		isotropic(noise, 0)(r, row)
		for _, v := range directions {
			a := r.NormFloat64() / math.Sqrt(float64(rank))
			for j := range row {
				row[j] += a * v[j]
			}
		}
	}
}

func fewDims(alive int) func(*rand.Rand, []float64) {
	return func(r *rand.Rand, row []float64) {
		for j := range row {
			row[j] = 0.3
			if j < alive {
				row[j] = r.NormFloat64()
			}
		}
	}
}

func powerLaw(alpha float64) func(*rand.Rand, []float64) {
	return func(r *rand.Rand, row []float64) {
		for j := range row {
			row[j] = math.Pow(float64(j+1), -alpha/2) * r.NormFloat64()
		}
	}
}

// positive is what ReLU leaves of independent normal values.
func positive(r *rand.Rand, row []float64) {
	for j := range row {
		row[j] = math.Max(0, r.NormFloat64())
	}
}

func TestJudge(t *testing.T) {
	unit := collapse.Context{Unit: true}
	raw := collapse.Context{}
	predicted := collapse.Context{Unit: true, Predictor: true, PredictionCosine: 0.9999}
	for _, c := range []struct {
		name string
		z    func(*rand.Rand, []float64)
		ctx  collapse.Context
		want collapse.Kind
	}{
		{"isotropic", isotropic(1, 0), raw, collapse.None},
		{"isotropic, directions", isotropic(1, 0), unit, collapse.None},
		{"well predicted", isotropic(1, 0), predicted, collapse.None},
		{"after ReLU", positive, unit, collapse.None},
		{"small but visible", isotropic(0.05, 0), raw, collapse.None},
		{"far from the origin, raw", isotropic(1, 100), raw, collapse.None},
		{"far from the origin, directions", isotropic(1, 100), unit, collapse.Complete},
		{"constant and noise", isotropic(1e-3, 1), raw, collapse.Complete},
		{"constant and noise, directions", isotropic(1e-3, 1), unit, collapse.Complete},
		{"constant, predicted", isotropic(1e-3, 1), predicted, collapse.Bypass},
		{"exactly constant", isotropic(0, 1), raw, collapse.Complete},
		{"zero", isotropic(0, 0), unit, collapse.Complete},
		{"invisible to the variance term", isotropic(1e-3, 0), raw, collapse.Complete},
		{"rank 5", lowRank(5, 0), raw, collapse.Dimensional},
		{"rank 5 and noise", lowRank(5, 0.01), unit, collapse.Dimensional},
		{"rank 1 and strong noise", lowRank(1, 0.1), unit, collapse.Dimensional},
		{"few dimensions", fewDims(20), unit, collapse.Dimensional},
		{"healthy power law", powerLaw(1), unit, collapse.None},
		{"steep power law", powerLaw(3), unit, collapse.Dimensional},
		{"huge norm", isotropic(1e4, 0), unit, collapse.Norm},
		{"vanishing norm, directions", isotropic(1e-5, 0), unit, collapse.Norm},
	} {
		t.Run(c.name, func(t *testing.T) {
			const n, d = 500, 64
			s, err := collapse.Analyse(t.Context(), embeddings(n, d, c.z), n, d)
			if err != nil {
				t.Fatal(err)
			}
			v := collapse.Judge(s, c.ctx)
			if v.Kind != c.want {
				t.Fatalf("verdict is %s (%v), want %s", v.Kind, v.Evidence, c.want)
			}
			if len(v.Evidence) == 0 || (len(v.Advice) == 0) != (v.Kind == collapse.None) {
				t.Errorf("evidence %q, advice %q", v.Evidence, v.Advice)
			}
			if got := v.Collapsed(); got != (c.want == collapse.Complete || c.want == collapse.Bypass) {
				t.Errorf("Collapsed is %v", got)
			}
		})
	}
}

// TestFiguresOfKnownShapes checks the figures against what the construction fixes.
func TestFiguresOfKnownShapes(t *testing.T) {
	const n, d = 4000, 64
	for _, c := range []struct {
		name               string
		z                  func(*rand.Rand, []float64)
		figure             func(collapse.Spectrum) float64
		want, toleranceAbs float64
	}{
		{"isotropic spread", isotropic(1, 0), func(s collapse.Spectrum) float64 { return s.Spread }, 1, 0.01},
		{"isotropic unit std", isotropic(1, 0), func(s collapse.Spectrum) float64 { return s.UnitStd }, 1.0 / 8, 0.002},
		{"isotropic rank", isotropic(1, 0), func(s collapse.Spectrum) float64 { return s.RankMe }, 64, 1},
		{"isotropic participation", isotropic(1, 0), func(s collapse.Spectrum) float64 { return s.Participation }, 64, 2},
		{"isotropic correlation", isotropic(1, 0), func(s collapse.Spectrum) float64 { return s.Correlation }, math.Sqrt(2/math.Pi) / math.Sqrt(n), 0.001},
		{"ReLU spread", positive, func(s collapse.Spectrum) float64 { return s.Spread }, math.Sqrt(1 - 1/math.Pi), 0.01},
		{"rank 5 null", lowRank(5, 0), func(s collapse.Spectrum) float64 { return s.Null }, 59.0 / 64, 1e-9},
		{"rank 1 correlation", lowRank(1, 0), func(s collapse.Spectrum) float64 { return s.Correlation }, 1, 1e-6},
		{"rank 1 rank", lowRank(1, 0), func(s collapse.Spectrum) float64 { return s.RankMe }, 1, 1e-3},
		{"few dimensions dead", fewDims(20), func(s collapse.Spectrum) float64 { return s.Dead }, 44.0 / 64, 1e-9},
		{"exactly constant dead", isotropic(0, 1), func(s collapse.Spectrum) float64 { return s.Dead }, 1, 0},
		{"exactly constant rank", isotropic(0, 0), func(s collapse.Spectrum) float64 { return s.RankMe }, 0, 0},
	} {
		s, err := collapse.Analyse(t.Context(), embeddings(n, d, c.z), n, d)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.figure(s); !(math.Abs(got-c.want) <= c.toleranceAbs) {
			t.Errorf("%s is %g, want %g ± %g", c.name, got, c.want, c.toleranceAbs)
		}
	}
}

func TestAdviceKnowsTheObjective(t *testing.T) {
	const n, d = 100, 16
	constant, _ := collapse.Analyse(t.Context(), embeddings(n, d, isotropic(1e-4, 1)), n, d)
	thin, _ := collapse.Analyse(t.Context(), embeddings(n, d, lowRank(2, 0)), n, d)
	for _, c := range []struct {
		s    collapse.Spectrum
		ctx  collapse.Context
		want string
	}{
		{constant, collapse.Context{}, "--add-reg var,cov"},
		{constant, collapse.Context{Variance: 1}, "raise the variance weight, now 1"},
		{constant, collapse.Context{Predictor: true, PredictionCosine: 1}, "--add-reg var,cov"},
		{constant, collapse.Context{Predictor: true, PredictionCosine: 1, Variance: 2}, "raise the variance weight, now 2"},
		{thin, collapse.Context{}, "--add-reg cov"},
		{thin, collapse.Context{Covariance: 0.5}, "raise the covariance weight, now 0.5"},
	} {
		v := collapse.Judge(c.s, c.ctx)
		if len(v.Advice) == 0 || !strings.Contains(v.Advice[0], c.want) {
			t.Errorf("%s, %+v: advice %q, want %q", v.Kind, c.ctx, v.Advice, c.want)
		}
	}
}

func TestAnalyseRefuses(t *testing.T) {
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		z    []float32
		n, d int
		code fault.Code
	}{
		"ragged":     {make([]float32, 5), 2, 3, fault.Internal},
		"one row":    {make([]float32, 3), 1, 3, fault.Internal},
		"not finite": {[]float32{1, 2, nan, 4}, 2, 2, fault.Diverged},
	} {
		if _, err := collapse.Analyse(t.Context(), c.z, c.n, c.d); err == nil || fault.CodeOf(err) != c.code {
			t.Errorf("%s: error %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := collapse.Analyse(ctx, []float32{1, 2, 3, 4}, 2, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: error %v", err)
	}
}

func TestLive(t *testing.T) {
	const n, d = 128, 200
	good, bad := embeddings(n, d, isotropic(1, 0)), embeddings(n, d, isotropic(1e-3, 1))
	s, err := collapse.Analyse(t.Context(), good, n, d)
	if err != nil {
		t.Fatal(err)
	}
	p := collapse.Live(good, nil, n, d)
	if p.UnitStd != s.UnitStd || p.Spread != s.Spread || math.Abs(p.Norm-s.Norm) > 1e-9*s.Norm {
		t.Errorf("pulse %+v differs from the spectrum's %g, %g, %g", p, s.UnitStd, s.Spread, s.Norm)
	}
	if math.Abs(p.Correlation-s.Correlation) > 0.1*s.Correlation {
		t.Errorf("sampled correlation is %g, that of all dimensions %g", p.Correlation, s.Correlation)
	}
	q := collapse.Live(bad, nil, n, d)
	if q.Spread > 0.01 {
		t.Errorf("spread of all but constant embeddings is %g", q.Spread)
	}
	if both := collapse.Live(good, bad, n, d); both.Spread != (p.Spread+q.Spread)/2 || both.Norm != (p.Norm+q.Norm)/2 {
		t.Errorf("pulse of two views %+v is not the mean of %+v and %+v", both, p, q)
	}
	bad[7] = float32(math.Inf(1))
	if p := collapse.Live(good, bad, n, d); !math.IsNaN(p.Spread) || !math.IsNaN(p.Correlation) {
		t.Errorf("pulse of infinite embeddings is %+v", p)
	}
	if p := collapse.Live(good[:d], nil, 1, d); p != (collapse.Pulse{}) {
		t.Errorf("pulse of one row is %+v", p)
	}
}

func TestMeanCosine(t *testing.T) {
	a, b := []float32{1, 0, 2, 2, 0, 0}, []float32{3, 0, 0, 1, 1, 1}
	if got, want := collapse.MeanCosine(a, b, 3, 2), (1+math.Sqrt(0.5)+0)/3; math.Abs(got-want) > 1e-12 {
		t.Errorf("mean cosine is %g, want %g", got, want)
	}
}

func TestProcsDoNotChangeBits(t *testing.T) {
	const n, d = 700, 150
	z := embeddings(n, d, powerLaw(1))
	want, err := collapse.Analyse(t.Context(), z, n, d)
	if err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	got, err := collapse.Analyse(t.Context(), z, n, d)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Eigenvalues, want.Eigenvalues) || got.RankMe != want.RankMe || got.Correlation != want.Correlation {
		t.Error("the number of threads changes the figures")
	}
}

func BenchmarkLive(b *testing.B) {
	const n, d = 256, 512
	z := embeddings(n, d, isotropic(1, 0))
	for b.Loop() {
		collapse.Live(z, z, n, d)
	}
}
