package main

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sslctl/sslctl/core/fault"
	runfolder "github.com/sslctl/sslctl/core/run"
)

// demands are the conditions of --fail-if: what of a result makes the command fail, for scripts that guard a result.
type demands []demand

// demand is one condition: that the embeddings collapsed, or that a figure is below or above a bound.
type demand struct {
	text   string
	figure string // "" for the verdict on collapse
	below  bool
	bound  float64
}

// collapsed is the condition on the verdict.
const collapsed = "collapsed"

// demandable gives those that can be demanded, by name: accuracies on trained features in percent, the loss, the effective rank. One
// that was not measured is NaN.
var demandable = map[string]func(runfolder.Result) float64{
	runfolder.Linear:    percent(runfolder.Linear),
	runfolder.KNN:       percent(runfolder.KNN),
	runfolder.FewLabels: percent(runfolder.FewLabels),
	runfolder.Online:    percent(runfolder.Online),
	"loss":              func(r runfolder.Result) float64 { return float64(r.Loss) },
	"effective_rank": func(r runfolder.Result) float64 {
		if r.Spectrum == nil {
			return math.NaN()
		}
		return float64(r.Spectrum.EffectiveRank)
	},
}

func percent(probe string) func(runfolder.Result) float64 {
	return func(r runfolder.Result) float64 {
		p, measured := r.Accuracy(probe, runfolder.Trained)
		if !measured {
			return math.NaN()
		}
		return 100 * float64(p.Accuracy)
	}
}

// register adds the flag.
func (d *demands) register(f *pflag.FlagSet) {
	f.Var(d, "fail-if", "end with exit code 6 where the result meets this `CONDITION`: collapsed, or a figure and a bound as in 'linear<85'; "+
		"figures are "+strings.Join(names(), ", ")+", accuracies in percent (repeatable)")
}

func names() []string { return slices.Sorted(maps.Keys(demandable)) }

var condition = regexp.MustCompile(`^\s*([a-z_]+)\s*([<>])\s*(\S+?)\s*%?\s*$`)

// Set adds a condition.
func (d *demands) Set(text string) error {
	if strings.TrimSpace(text) == collapsed {
		*d = append(*d, demand{text: text})
		return nil
	}
	parts := condition.FindStringSubmatch(text)
	if parts == nil {
		return fmt.Errorf("%q is no condition: %s, or a figure and a bound as in 'linear<85'", text, collapsed)
	}
	if demandable[parts[1]] == nil {
		return fmt.Errorf("there is no figure %q: %s", parts[1], strings.Join(names(), ", "))
	}
	bound, err := strconv.ParseFloat(parts[3], 64)
	if err != nil || math.IsNaN(bound) {
		return fmt.Errorf("the bound %q is no number", parts[3])
	}
	*d = append(*d, demand{text, parts[1], parts[2] == "<", bound})
	return nil
}

// Type names the flag's argument.
func (*demands) Type() string { return "condition" }

func (d *demands) String() string {
	var texts []string
	for _, one := range *d {
		texts = append(texts, one.text)
	}
	return strings.Join(texts, ", ")
}

// check is a fault of code Threshold that names each condition that a result meets.
func (d demands) check(r runfolder.Result) error {
	var met []string
	for _, one := range d {
		if says := one.met(r); says != "" {
			met = append(met, says)
		}
	}
	if len(met) == 0 {
		return nil
	}
	return fault.New(fault.Threshold, "the result itself is complete: sslctl report shows it", "demanded by --fail-if: %s", strings.Join(met, "; "))
}

// met says how a result meets the condition; "" where it does not. A figure that was not measured reached no bound.
func (d demand) met(r runfolder.Result) string {
	if d.figure == "" {
		if r.Collapse.Healthy {
			return ""
		}
		return "the embeddings collapsed: " + r.Collapse.Verdict
	}
	value := demandable[d.figure](r)
	switch {
	case math.IsNaN(value):
		return d.figure + " was not measured"
	case d.below && value < d.bound:
		return fmt.Sprintf("%s is %.4g, below %g", d.figure, value, d.bound)
	case !d.below && value > d.bound:
		return fmt.Sprintf("%s is %.4g, above %g", d.figure, value, d.bound)
	}
	return ""
}
