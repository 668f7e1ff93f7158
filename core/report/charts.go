package report

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/sslctl/sslctl/core/run"
)

// trainingCharts are the loss, each of its terms, and what else was recorded of the optimisation.
func trainingCharts(runs []Run) []chart {
	note := "the weighted sum of the terms"
	if slices.ContainsFunc(runs, func(r Run) bool { return r.method() != runs[0].method() }) {
		note = "objectives differ: compare the shapes, not the heights"
	}
	charts := []chart{recorded(runs, run.Loss, "Loss", note), contributions(runs)}
	for _, t := range termNames(runs) {
		charts = append(charts, recorded(runs, run.Term+t, t, termNote(runs, t)))
	}
	charts = append(charts, learningRate(runs), recorded(runs, run.GradNorm, "Gradient norm", "over all parameters, before clipping"))
	for _, probe := range probeOrder {
		charts = append(charts, recorded(runs, run.Accuracy+probe, "Accuracy while training", "of the "+probeWord(probe, runs)+" probe"))
	}
	return slices.DeleteFunc(charts, chart.empty)
}

// recorded is the chart of one metric, a line a run.
func recorded(runs []Run, metric, title, note string) chart {
	c := chart{Title: title, Note: note, X: "step", until: steps(runs)}
	for i, r := range runs {
		x, y := r.series(metric)
		c.addRecorded(label(runs, i), i, x, y)
	}
	c.autoLog()
	return c
}

// steps is how far the longest run got.
func steps(runs []Run) float64 {
	most := 0
	for _, r := range runs {
		if n := len(r.Records); n > 0 {
			most = max(most, r.Records[n-1].Step)
		}
	}
	return float64(most)
}

// learningRate is drawn as it is: it has no noise, and its shape is what one looks for.
func learningRate(runs []Run) chart {
	c := chart{Title: "Learning rate", X: "step", zero: true, until: steps(runs)}
	for i, r := range runs {
		x, y := pick(r.series(run.LearningRate))
		c.lines = append(c.lines, line{Label: label(runs, i), Colour: i, x: x, y: y})
	}
	return c
}

// contributions shows what each term adds to the loss of a single run: its weight times its value.
func contributions(runs []Run) chart {
	c := chart{Title: "Shares of the loss", Note: "each term times its weight", X: "step", until: steps(runs), legend: true}
	if len(runs) > 1 || runs[0].Result == nil || len(runs[0].Result.Terms) < 2 {
		return c
	}
	for i, t := range runs[0].Result.Terms {
		x, y := runs[0].series(run.Term + t.Name)
		for j := range y {
			y[j] *= float64(t.Weight)
		}
		x, y = pick(x, smooth(y))
		c.lines = append(c.lines, line{Label: t.Name, Colour: i, x: x, y: y})
	}
	c.autoLog()
	return c
}

// termNote says the weight of a term, of each run where they differ.
func termNote(runs []Run, term string) string {
	var weights []string
	for _, r := range runs {
		if r.Result == nil {
			continue
		}
		for _, t := range r.Result.Terms {
			if w := figure(float64(t.Weight)); t.Name == term && !slices.Contains(weights, w) {
				weights = append(weights, w)
			}
		}
	}
	switch len(weights) {
	case 0:
		return "before its weight"
	case 1:
		return "before its weight of " + weights[0]
	}
	return "before its weight, which differs between the runs"
}

// embeddingCharts are what collapse would show in: spread and correlation of the dimensions over time, the rank, and
// the spectrum.
func embeddingCharts(runs []Run) []chart {
	std := recorded(runs, run.Std, "Standard deviation", "mean over the dimensions of z/‖z‖; 0 is complete collapse")
	std.zero, std.logY = true, false
	if d, ok := commonWidth(runs); ok && !std.empty() {
		std.guides = []guide{{1 / math.Sqrt(float64(d)), fmt.Sprintf("1/√%d: spread over the sphere", d)}}
	}
	spread := recorded(runs, run.Spread, "Spread on the unit sphere", "two images' embeddings have a mean cosine of 1 − spread²; 0 is complete collapse")
	spread.zero, spread.logY = true, false
	corr := recorded(runs, run.Corr, "Correlation between dimensions", "mean |correlation| over pairs; 1 is dimensional collapse")
	corr.zero, corr.logY = true, false
	rank := recorded(runs, run.RankMe, "RankMe", "effective rank of the embeddings (Garrido et al. 2023)")
	rank.zero, rank.logY = true, false
	norm := recorded(runs, run.Norm, "Norm of the embeddings", "mean ‖z‖")
	return slices.DeleteFunc([]chart{std, spread, corr, rank, norm, spectrumChart(runs)}, chart.empty)
}

// commonWidth is the width of the embeddings where it is the same in all runs.
func commonWidth(runs []Run) (int, bool) {
	width := 0
	for _, r := range runs {
		if r.Result == nil || r.Result.Spectrum == nil || width != 0 && r.Result.Spectrum.D != width {
			return 0, false
		}
		width = r.Result.Spectrum.D
	}
	return width, width > 0
}

// spectrumFloor cuts off eigenvalues that are rounding noise beside the largest.
const spectrumFloor = 1e-9

// spectrumChart draws the eigenvalues of the covariance, relative to the largest: at the end, and for a single run
// also at the first time they were recorded.
func spectrumChart(runs []Run) chart {
	c := chart{Title: "Spectrum of the covariance", X: "index", logY: true,
		Note: "eigenvalues relative to the largest; a cliff is dimensional collapse (Jing et al. 2022)"}
	for i, r := range runs {
		first, last := r.spectra()
		if len(runs) == 1 && first != nil {
			x, y := relative(first)
			c.Note += "; dotted: at the start"
			c.lines = append(c.lines, line{Label: "at the start", Colour: i, x: x, y: y, dash: 2})
		}
		if last != nil {
			x, y := relative(last)
			c.lines = append(c.lines, line{Label: label(runs, i), Colour: i, x: x, y: y})
		}
	}
	return c
}

// spectra are the first and the last eigenvalues known of a run; first is nil where there is but one.
func (r Run) spectra() (first, last []float64) {
	var all [][]float64
	for _, rec := range r.Records {
		if v := rec.Vectors[run.Eigenvalues]; len(v) > 0 {
			all = append(all, v)
		}
	}
	if r.Result != nil && r.Result.Spectrum != nil {
		var v []float64
		for _, e := range r.Result.Spectrum.Eigenvalues {
			v = append(v, float64(e))
		}
		if len(v) > 0 {
			all = append(all, v)
		}
	}
	switch len(all) {
	case 0:
		return nil, nil
	case 1:
		return nil, all[0]
	}
	return all[0], all[len(all)-1]
}

// relative divides eigenvalues by the largest; those at the floor become the floor.
func relative(e []float64) (x, y []float64) {
	for i, v := range e {
		x = append(x, float64(i+1))
		y = append(y, math.Max(v/e[0], spectrumFloor))
	}
	return pick(x, y)
}

// facts are the figures in the head of a run.
func facts(r Run) []fact {
	p := r.Provenance
	var out []fact
	add := func(name, value string) { out = append(out, fact{Name: name, Value: value}) }
	if res := r.Result; res != nil {
		add("Training", span(res.Time.Train))
		add("Throughput", count(int(res.Time.ImagesPerSecond))+" images/s")
		add("Steps", fmt.Sprintf("%s (%s epochs)", count(res.Steps), figure(float64(res.Epochs))))
		add("Parameters", count(res.Parameters))
		add("Final loss", figure(float64(res.Loss)))
		for _, name := range slices.Sorted(maps.Keys(res.Extra)) {
			add(name, figure(float64(res.Extra[name])))
		}
		if s := res.Spectrum; s != nil {
			add("RankMe", fmt.Sprintf("%s of %d", figure(float64(s.RankMe)), s.D))
		}
	}
	add("Seed", fmt.Sprint(p.Seed))
	return out
}

// record is the provenance as names and values.
func record(r Run) []fact {
	p := r.Provenance
	var out []fact
	add := func(name, value string) {
		if value != "" {
			out = append(out, fact{Name: name, Value: value})
		}
	}
	digest := func(name, value string) {
		if value != "" {
			out = append(out, fact{Name: name, Value: short(value), Full: value})
		}
	}
	add("Run", r.ID)
	add("Command", shellLine(p.Command))
	add("Started", p.Started.Format("2006-01-02 15:04:05 -07:00"))
	add("Software", software(p.Software))
	add("Machine", fmt.Sprintf("%s, %s, %s", p.Machine.Host, p.Machine.OS, p.Machine.Arch))
	add("Processor", processor(p.Machine))
	add("Device", p.Machine.Device)
	add("GPU", p.Machine.GPU)
	add("Method", plugin(p.Method))
	digest("Plugin SHA-256", p.Method.SHA256)
	for _, reg := range p.Regularisers {
		add("Regulariser", plugin(reg))
	}
	add("Data set", p.Dataset.Name)
	digest("Data digest", p.Dataset.Digest)
	digest("Program SHA-256", p.ProgramHash)
	digest("Configuration", p.ConfigHash)
	for _, s := range p.Resumed {
		add("Resumed", fmt.Sprintf("from step %s, %s, on %s", count(s.Step), s.Started.Format("2006-01-02 15:04:05 -07:00"), s.Machine.Host))
	}
	return out
}
