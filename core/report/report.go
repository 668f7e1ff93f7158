// Package report shows what a run came to: [Summary] in the terminal, [Render] as one self-contained HTML page for
// one run or several side by side. Both take what [Load] reads from a run folder.
//
//	r, err := report.Load("runs/latest")
//	err = report.Render(file, []report.Run{r})
//
// The page needs no network: styles, script and figures are inside. It follows the reader's light or dark theme,
// prints, and works without the script, which adds a cross-hair to the charts and lifts one class out of the maps. Same runs, same bytes.
package report

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/run"
)

// Run is everything that a report shows of a run. A run that has not finished has no Result.
type Run struct {
	ID         string
	Dir        string
	Status     run.Status
	Reason     string // of the status, may be empty
	Config     []byte // YAML
	Program    string // the traced objective as text, may be empty
	Provenance run.Provenance
	Result     *run.Result
	Records    []run.Record
	Samples    []Sample
	Map        *run.Map // of the embeddings; nil where the run has none
}

// Sample is a picture, such as the sheet of augmented views.
type Sample struct {
	Caption string
	PNG     []byte
}

// samplesCaption describes the sheet that the trainer draws.
const samplesCaption = "First row: images as the probes see them. Below: the augmented views that the network was trained on."

// Load reads a run folder. A run that is still going, or that was killed, can be shown as far as it got.
func Load(dir string) (Run, error) {
	f, err := run.Open(dir)
	if err != nil {
		return Run{}, err
	}
	r := Run{ID: f.ID(), Dir: f.Dir()}
	if r.Status, r.Reason, err = f.Status(); err != nil {
		return Run{}, err
	}
	if r.Config, err = f.Config(); err != nil {
		return Run{}, err
	}
	if r.Provenance, err = f.Provenance(); err != nil {
		return Run{}, err
	}
	if r.Records, err = f.Metrics(); err != nil {
		return Run{}, err
	}
	result, err := f.Result()
	if err == nil {
		r.Result = &result
		if r.Status == run.Running { // the trainer writes the page before it closes the folder
			r.Status = run.Done
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Run{}, err
	}
	return r, r.loadExtras(f)
}

// loadExtras reads what a run may lack.
func (r *Run) loadExtras(f *run.Folder) error {
	program, err := f.ProgramText()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	r.Program = string(program)
	samples, err := f.Samples()
	if err == nil {
		r.Samples = []Sample{{samplesCaption, samples}}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	plane, err := f.Map()
	if err == nil {
		r.Map = &plane
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// series is a metric over steps.
func (r Run) series(name string) (x, y []float64) {
	for _, rec := range r.Records {
		if v, ok := rec.Values[name]; ok {
			x, y = append(x, float64(rec.Step)), append(y, v)
		}
	}
	return x, y
}

// termNames lists the terms of the objective that were recorded by any run: first in the order of the results.
func termNames(runs []Run) []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, r := range runs {
		if r.Result != nil {
			for _, t := range r.Result.Terms {
				add(t.Name)
			}
		}
	}
	for _, r := range runs {
		var found []string
		for _, rec := range r.Records {
			for name := range rec.Values {
				if t, ok := strings.CutPrefix(name, run.Term); ok && !slices.Contains(found, t) {
					found = append(found, t)
				}
			}
		}
		slices.Sort(found)
		for _, t := range found {
			add(t)
		}
	}
	return names
}

// method, dataset and seed are of the provenance, which every run has, or of the result.
func (r Run) method() string {
	if r.Provenance.Method.Name == "" && r.Result != nil {
		return r.Result.Method
	}
	return r.Provenance.Method.Name
}

func (r Run) dataset() string {
	if r.Provenance.Dataset.Name == "" && r.Result != nil {
		return r.Result.Dataset
	}
	return r.Provenance.Dataset.Name
}

// accuracy finds a probe's result; ok is false for a run without it.
func (r Run) accuracy(probe, features string) (run.ProbeResult, bool) {
	if r.Result == nil {
		return run.ProbeResult{}, false
	}
	return r.Result.Accuracy(probe, features)
}

// baseline is the better of the untrained network and the raw pixels: what training had to beat.
func (r Run) baseline(probe string) (run.ProbeResult, bool) {
	best, found := run.ProbeResult{}, false
	for _, features := range []string{run.Untrained, run.Pixels} {
		if p, ok := r.accuracy(probe, features); ok && (!found || p.Accuracy > best.Accuracy) {
			best, found = p, true
		}
	}
	return best, found
}

// needRuns is the error of a report about nothing.
func needRuns(runs []Run) error {
	if len(runs) == 0 {
		return fault.New(fault.Usage, "name at least one run folder", "a report needs a run")
	}
	return nil
}
