package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sslctl/sslctl/core/run"
)

// probes and features in the order in which they are shown, with the words for them.
var (
	probeOrder   = [...]string{run.Linear, run.Online, run.KNN, run.FewLabels}
	featureOrder = [...]string{run.Trained, run.Untrained, run.Pixels}
)

// probesOf are the probes that runs show, in order: the online one only where a run has it.
func probesOf(runs ...Run) []string {
	return slices.DeleteFunc(slices.Clone(probeOrder[:]), func(probe string) bool {
		return probe == run.Online && !slices.ContainsFunc(runs, func(r Run) bool {
			_, ok := r.accuracy(probe, run.Trained)
			return ok
		})
	})
}

func featureWord(f string) string {
	switch f {
	case run.Trained:
		return "trained"
	case run.Untrained:
		return "untrained network"
	case run.Pixels:
		return "raw pixels"
	}
	return f
}

// probeWord names a probe in a heading: the one with few labels by their share where that is a whole percentage, else
// by their number.
func probeWord(probe string, runs []Run) string {
	switch probe {
	case run.Linear:
		return "linear"
	case run.Online:
		return "online linear"
	case run.KNN:
		return "kNN"
	case run.FewLabels:
		for _, r := range runs {
			few, ok := r.accuracy(run.FewLabels, run.Trained)
			all, hasAll := r.baselineLabels()
			if !ok {
				continue
			}
			share := 100 * float64(few.Labels) / float64(max(1, all))
			if whole := math.Round(share); hasAll && whole >= 1 && math.Abs(share-whole) < 0.05*whole {
				return fmt.Sprintf("%.0f %% labels", whole)
			}
			return count(few.Labels) + " labels"
		}
		return "few labels"
	}
	return probe
}

// baselineLabels is the number of labels of the probes that use all.
func (r Run) baselineLabels() (int, bool) {
	for _, probe := range []string{run.Linear, run.KNN} {
		if p, ok := r.accuracy(probe, run.Trained); ok {
			return p.Labels, true
		}
	}
	return 0, false
}

// percent writes a share with one digit: "88.9 %".
func percent(v run.Number) string {
	if math.IsNaN(float64(v)) {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(v))
}

// points writes a difference of shares in percentage points with its sign: "+5.1", "−0.3", "±0.0".
func points(v run.Number) string {
	s := fmt.Sprintf("%.1f", math.Abs(100*float64(v)))
	switch {
	case s == "0.0":
		return "±0.0"
	case v < 0:
		return "−" + s
	}
	return "+" + s
}

// count groups thousands by commas: 46,900.
func count(n int) string {
	s := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// figure writes a number with up to four significant digits, without an exponent where it can be read without one.
func figure(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "−∞"
	case a != 0 && (a < 1e-3 || a >= 1e6):
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', 2, 64), "e")
		e, _ := strconv.Atoi(exponent) // FormatFloat wrote it
		return minus(mantissa + "e" + strconv.Itoa(e))
	case a >= 1e4:
		return minus(count(int(math.Round(v))))
	}
	s := strconv.FormatFloat(v, 'g', 4, 64)
	return minus(s)
}

// minus writes a true minus sign in front.
func minus(s string) string {
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		return "−" + rest
	}
	return s
}

// span writes seconds as people say them: "42 s", "2 min 31 s", "1 h 07 min".
func span(seconds run.Number) string {
	s := int(math.Round(float64(seconds)))
	switch {
	case s < 0 || math.IsNaN(float64(seconds)):
		return "–"
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %02d s", s/60, s%60)
	}
	return fmt.Sprintf("%d h %02d min", s/3600, s/60%60)
}

// short cuts a digest to what people compare by eye.
func short(digest string) string { return digest[:min(12, len(digest))] }

// headline says in a sentence what the run came to.
func (r Run) headline() string {
	if r.Result == nil {
		return r.unfinished()
	}
	var sentences []string
	if p, ok := r.accuracy(run.Linear, run.Trained); ok {
		s := fmt.Sprintf("A linear classifier on the frozen features is right for %s of %s test images", percent(p.Accuracy), count(p.Test))
		if b, ok := r.baseline(run.Linear); ok {
			s += ": " + comparison(p, b)
		}
		sentences = append(sentences, s+".")
	}
	return strings.Join(append(sentences, r.verdict()), " ")
}

// comparison says how far p is from the better baseline.
func comparison(p, b run.ProbeResult) string {
	d := 100 * float64(p.Accuracy-b.Accuracy)
	of := "the better baseline, " + map[string]string{run.Untrained: "the untrained network", run.Pixels: "raw pixels"}[b.Features]
	switch amount := fmt.Sprintf("%.1f points", math.Abs(d)); {
	case amount == "0.0 points":
		return "no better than " + of
	case d < 0:
		return amount + " below " + of
	default:
		return amount + " above " + of
	}
}

// verdict says in a sentence whether the embeddings collapsed.
func (r Run) verdict() string {
	switch c := r.Result.Collapse; {
	case c.Verdict == "":
		return "Collapse was not judged."
	case c.Healthy:
		return "The embeddings did not collapse."
	case c.Verdict == "norm":
		return "The length of the embeddings left the range that trains well."
	case c.Verdict == "bypass":
		return "The embeddings collapsed: the predictor found the trivial solution."
	default:
		return "The embeddings show " + c.Verdict + " collapse."
	}
}

func (r Run) unfinished() string {
	steps := 0
	if n := len(r.Records); n > 0 {
		steps = r.Records[n-1].Step
	}
	s := fmt.Sprintf("No result yet: %s at step %s", r.Status, count(steps))
	if r.Reason != "" {
		s += " (" + r.Reason + ")"
	}
	return s + "."
}

// methodWord is the method's name as its paper writes it, where the description gives it.
func (r Run) methodWord() string {
	if t, _, _ := strings.Cut(r.Provenance.Method.Title, ":"); t != "" {
		return t
	}
	return r.method()
}

// software is the program's version with what it was built from.
func software(s run.Software) string {
	out := "sslctl " + s.Version
	if s.Revision != "" {
		out += ", revision " + short(s.Revision)
	}
	if s.Modified {
		out += " with local changes"
	}
	return out + ", " + s.Go
}

// processor is the model with cores, threads and vector extensions.
func processor(m run.Machine) string {
	out := fmt.Sprintf("%s, %d cores, %d threads", m.CPU, m.Cores, m.Threads)
	if len(m.ISA) > 0 {
		out += " (" + strings.Join(m.ISA, " ") + ")"
	}
	return out
}

func plugin(p run.Plugin) string {
	return fmt.Sprintf("%s %s, protocol %d", p.Name, p.Version, p.Protocol)
}

// shellLine writes a command so that a shell reads it back: arguments with other than plain characters are quoted.
func shellLine(args []string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=,:+@%", r)
	}
	out := make([]string, len(args))
	for i, a := range args {
		if out[i] = a; a == "" || strings.ContainsFunc(a, func(r rune) bool { return !plain(r) }) {
			out[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}
