package main

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
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
		return &bars{container: a.container()}
	}
	return &lines{out: a.stderr}
}

// container draws bars on stderr.
func (a *app) container() *mpb.Progress {
	return mpb.New(mpb.WithOutput(a.stderr), mpb.WithWidth(barWidth), mpb.WithRefreshRate(200*time.Millisecond))
}

// Columns of a bar and of the name before it.
const (
	barWidth  = 24
	nameWidth = 36
)

type silent struct{}

func (silent) observe(train.Event) {}
func (silent) close()              {}

// bars shows one bar for training and one for each phase after it.
type bars struct {
	container *mpb.Progress
	bar       *mpb.Bar
	name      string
	text      *atomic.Pointer[string] // beside the bar, which draws in a goroutine of its own
}

func (b *bars) observe(e train.Event) {
	switch e := e.(type) {
	case train.StepEvent:
		b.show("training", int64(e.Total))
		text := describeStep(e)
		b.text.Store(&text)
		b.bar.SetCurrent(int64(e.Step))
	case train.PhaseEvent:
		b.show(e.Name, int64(max(e.Total, 1)))
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
	b.name, b.text = name, &atomic.Pointer[string]{}
	b.bar = addBar(b.container, name, total, b.text)
}

func addBar(p *mpb.Progress, name string, total int64, text *atomic.Pointer[string]) *mpb.Bar {
	return p.AddBar(total,
		mpb.PrependDecorators(decor.Name(fmt.Sprintf("%-*s", nameWidth, name))),
		mpb.AppendDecorators(decor.NewPercentage("%3d "), decor.Any(func(s decor.Statistics) string {
			if t := text.Load(); t != nil {
				return cut("  "+*t, s.AvailableWidth)
			}
			return ""
		})))
}

// cut shortens text to a number of columns.
func cut(text string, columns int) string {
	r := []rune(text)
	if len(r) <= columns {
		return text
	}
	return string(r[:max(columns-1, 0)]) + "…"
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
			fmt.Fprintf(l.out, "step %d/%d  %s\n", e.Step, e.Total, describeStep(e))
		}
	case train.PhaseEvent:
		if e.Name != l.phase {
			l.phase = e.Name
			fmt.Fprintf(l.out, "%s\n", e.Name)
		}
	}
}

func (l *lines) close() {}

// describeStep is one line: speed, time left, loss with its terms, health of the embeddings.
func describeStep(e train.StepEvent) string {
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
