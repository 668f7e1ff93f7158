package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"

	"github.com/sslctl/sslctl/core/compare"
	runfolder "github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/train"
)

// studyProgress shows a study on stderr: on a terminal one bar and what runs now, else a line for each run that ended.
type studyProgress struct {
	lines     io.Writer // nil with a bar, or when quiet
	container *mpb.Progress
	logs      *screen
	bar       *mpb.Bar

	mu      sync.Mutex
	began   time.Time
	running []*doing
	done    int
	total   int
	counted float64 // runs that were computed, not reused

	text barText
}

// doing is a run in progress.
type doing struct {
	task  compare.Task
	share float64 // done, 0 to 1
	text  string
}

// barUnits is the length of a run on the bar.
const barUnits = 1000

func (a *app) studyProgress() *studyProgress {
	p := &studyProgress{began: time.Now(), logs: a.logs}
	switch {
	case a.quiet:
	case a.terminal:
		p.container = a.container()
		p.logs.above(p.container)
	default:
		p.lines = a.stderr
	}
	return p
}

// watch gives a run's own progress a place in the line. Probes come after training and take little: they are shown by name.
func (p *studyProgress) watch(t compare.Task) func(train.Event) {
	return func(e train.Event) {
		p.mu.Lock()
		defer p.mu.Unlock()
		i := slices.IndexFunc(p.running, func(d *doing) bool { return d.task.Cell == t.Cell && d.task.Seed == t.Seed })
		if i < 0 {
			return
		}
		d := p.running[i]
		switch e := e.(type) {
		case train.StepEvent:
			d.share = 0.9 * float64(e.Step) / float64(e.Total)
			d.text = fmt.Sprintf("%d/%d loss %.3g", e.Step, e.Total, e.Loss)
			if strings.Contains(e.Health, "COLLAPSE") {
				d.text += " collapsing"
			}
		case train.PhaseEvent:
			d.text = e.Name
		}
		p.draw()
	}
}

// told follows the study.
func (p *studyProgress) told(t compare.Told) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.total = t.Done, t.Total
	if t.Attempt == nil {
		p.running = append(p.running, &doing{task: t.Task})
	} else {
		p.running = slices.DeleteFunc(p.running, func(d *doing) bool { return d.task.Cell == t.Cell && d.task.Seed == t.Seed })
		if !t.Attempt.Reused {
			p.counted++
		}
		if p.lines != nil {
			fmt.Fprintf(p.lines, "[%d/%d] %s, seed %d: %s\n", t.Done, t.Total, t.Cell, t.Seed, inWords(*t.Attempt))
		}
	}
	p.draw()
}

// inWords is what a run came to: "linear 84.1 %, embeddings healthy, 21 s".
func inWords(a compare.Attempt) string {
	var parts []string
	if accuracy, ok := a.Result.Accuracy(runfolder.Linear, runfolder.Trained); ok {
		parts = append(parts, fmt.Sprintf("linear %.1f %%", 100*float64(accuracy.Accuracy)))
	}
	switch {
	case a.Failed != "":
		parts = append(parts, "diverged: "+a.Failed)
	case a.Result.Collapse.Healthy:
		parts = append(parts, "embeddings healthy")
	default:
		parts = append(parts, "collapse: "+a.Result.Collapse.Verdict)
	}
	if a.Reused {
		return strings.Join(append(parts, "reused"), ", ")
	}
	return strings.Join(append(parts, fmt.Sprintf("%.0f s", float64(a.Result.Time.Total))), ", ")
}

// draw moves the bar; it is made when the length of the study is known.
func (p *studyProgress) draw() {
	if p.container == nil || p.total == 0 {
		return
	}
	far, now := p.words()
	p.text.beside.Store(&far)
	p.text.below.Store(&now)
	if p.bar == nil {
		p.bar = addBar(p.container, "study", int64(p.total)*barUnits, &p.text)
	}
	at := float64(p.done)
	for _, d := range p.running {
		at += d.share
	}
	p.bar.SetCurrent(int64(at * barUnits))
}

// words say how far the study is and how long the rest takes, by the pace so far; and what runs now.
func (p *studyProgress) words() (far, now string) {
	var parts []string
	computed, left := p.counted, float64(p.total-p.done)
	for _, d := range p.running {
		computed, left = computed+d.share, left-d.share
		parts = append(parts, fmt.Sprintf("%s, seed %d: %s", d.task.Cell, d.task.Seed, d.text))
	}
	far = fmt.Sprintf("%d of %d runs", p.done, p.total)
	if computed > 0.2 && left > 0 {
		rest := time.Duration(float64(time.Since(p.began)) * left / computed)
		far += ", " + rest.Round(time.Second).String() + " left"
	}
	return far, strings.Join(parts, " · ")
}

// close leaves the bar as it is: full after a whole study, else as far as it came.
func (p *studyProgress) close() {
	if p.container == nil {
		return
	}
	p.logs.above(nil)
	if p.bar != nil && !p.bar.Completed() {
		p.bar.Abort(false)
	}
	p.container.Wait()
}
