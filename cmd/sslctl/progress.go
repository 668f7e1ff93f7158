package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/sslctl/sslctl/core/train"
)

// progress shows events on stderr: bars on a terminal, else a line now and then.
type progress interface {
	observe(train.Event)
	close()
}

func (a *app) progress() progress {
	switch {
	case a.quiet:
		return silent{}
	case a.terminal:
		return &bars{container: mpb.New(mpb.WithOutput(a.stderr), mpb.WithWidth(24), mpb.WithRefreshRate(200*time.Millisecond))}
	}
	return &lines{out: a.stderr}
}

type silent struct{}

func (silent) observe(train.Event) {}
func (silent) close()              {}

// bars shows one bar for training and one for each phase after it.
type bars struct {
	container *mpb.Progress
	bar       *mpb.Bar
	name      string
	text      string // beside the bar
}

func (b *bars) observe(e train.Event) {
	switch e := e.(type) {
	case train.StepEvent:
		b.show("training", int64(e.Total))
		b.text = describe(e)
		b.bar.SetCurrent(int64(e.Step))
	case train.PhaseEvent:
		b.show(e.Name, int64(max(e.Total, 1)))
		b.text = ""
		if e.Total > 0 {
			b.bar.SetCurrent(int64(e.Done))
		}
	}
}

// show begins a bar when the name changes; the one before it is done then.
func (b *bars) show(name string, total int64) {
	if name == b.name {
		return
	}
	b.finish()
	b.name = name
	b.bar = b.container.AddBar(total,
		mpb.PrependDecorators(decor.Name(fmt.Sprintf("%-36s", name))),
		mpb.AppendDecorators(decor.NewPercentage("%3d "), decor.Any(func(decor.Statistics) string { return " " + b.text })))
}

func (b *bars) finish() {
	if b.bar != nil && !b.bar.Completed() {
		b.bar.SetTotal(-1, true)
	}
}

func (b *bars) close() {
	b.finish()
	b.container.Shutdown()
}

// lines prints where there is no terminal: ten seconds apart while training, and each phase once.
type lines struct {
	out   io.Writer
	last  time.Time
	phase string
}

// lineEvery is the time between lines.
const lineEvery = 10 * time.Second

func (l *lines) observe(e train.Event) {
	switch e := e.(type) {
	case train.StepEvent:
		if time.Since(l.last) >= lineEvery || e.Step == e.Total {
			l.last = time.Now()
			fmt.Fprintf(l.out, "step %d/%d  %s\n", e.Step, e.Total, describe(e))
		}
	case train.PhaseEvent:
		if e.Name != l.phase {
			l.phase = e.Name
			fmt.Fprintf(l.out, "%s\n", e.Name)
		}
	}
}

func (l *lines) close() {}

// describe is one line: speed, time left, loss with its terms, health of the embeddings.
func describe(e train.StepEvent) string {
	parts := []string{fmt.Sprintf("epoch %.1f/%.0f", e.Epoch, e.Epochs), fmt.Sprintf("%.0f images/s", e.ImagesPerSecond),
		e.Left.Round(time.Second).String() + " left", fmt.Sprintf("loss %.4g", e.Loss)}
	for _, t := range e.Terms {
		parts = append(parts, fmt.Sprintf("%s %.3g", t.Name, float64(t.Value)))
	}
	if e.Health != "" {
		parts = append(parts, e.Health)
	}
	return strings.Join(parts, "  ")
}
