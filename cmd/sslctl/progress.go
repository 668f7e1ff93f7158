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

// progress shows events on stderr: bars on a terminal, else a line now and then. close says how it ended: what was under way
// is done, or stays as far as it came.
type progress interface {
	observe(train.Event)
	close(error)
}

func (a *app) progress() progress {
	switch {
	case a.quiet:
		return silent{}
	case a.terminal:
		b := &bars{container: a.container(), logs: a.logs}
		b.logs.above(b.container)
		return b
	}
	return &lines{out: a.stderr}
}

// container draws bars on stderr.
func (a *app) container() *mpb.Progress {
	return mpb.New(mpb.WithOutput(a.stderr), mpb.WithWidth(barWidth), mpb.WithRefreshRate(200*time.Millisecond))
}

// Columns of a bar, and the fewest of the name before it.
const (
	barWidth  = 20
	nameWidth = 24
)

type silent struct{}

func (silent) observe(train.Event) {}
func (silent) close(error)         {}

// bars shows one bar for training and one for each phase after it.
type bars struct {
	container *mpb.Progress
	logs      *screen
	bar       *mpb.Bar
	name      string
	total     int64
	text      *barText
}

// barText stands beside and below a bar, which draws in a goroutine of its own.
type barText struct{ beside, below atomic.Pointer[string] }

func (b *bars) observe(e train.Event) {
	switch e := e.(type) {
	case train.StepEvent:
		b.show("training", int64(e.Total))
		pace, loss := describePace(e), describeLoss(e)
		b.text.beside.Store(&pace)
		b.text.below.Store(&loss)
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
	b.name, b.total, b.text = name, total, &barText{}
	b.bar = addBar(b.container, name, total, b.text)
}

// addBar draws a name, the bar, the share that is done and the text; what does not fit into the terminal is cut.
func addBar(p *mpb.Progress, name string, total int64, text *barText) *mpb.Bar {
	beside := func(s decor.Statistics) string {
		if t := text.beside.Load(); t != nil {
			return cut("  "+*t, s.AvailableWidth-barWidth-2)
		}
		return ""
	}
	below := func(w io.Writer, s decor.Statistics) error {
		t := text.below.Load()
		if t == nil {
			return nil
		}
		_, err := fmt.Fprintln(w, cut("  "+*t, s.AvailableWidth))
		return err
	}
	return p.AddBar(total, mpb.BarExtender(mpb.BarFillerFunc(below), false),
		mpb.PrependDecorators(decor.Name(fmt.Sprintf("%-*s", nameWidth, name))),
		mpb.AppendDecorators(decor.NewPercentage("%3d "), decor.Any(beside)))
}

// cut shortens text to a number of columns.
func cut(text string, columns int) string {
	r := []rune(text)
	switch {
	case len(r) <= columns:
		return text
	case columns < 1:
		return ""
	}
	return string(r[:columns-1]) + "…"
}

// finish fills the bar: a phase is done when the next begins, whether it counted or not.
func (b *bars) finish() {
	if b.bar != nil {
		b.bar.SetCurrent(b.total)
	}
}

func (b *bars) close(err error) {
	b.logs.above(nil)
	if err == nil {
		b.finish()
	} else if b.bar != nil {
		b.bar.Abort(false)
	}
	b.container.Wait()
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

func (l *lines) close(error) {}

// describeStep is a step on one line.
func describeStep(e train.StepEvent) string { return describePace(e) + "  " + describeLoss(e) }

// describePace is how far and how fast, and how busy the device is with it.
func describePace(e train.StepEvent) string {
	text := fmt.Sprintf("epoch %.1f/%.0f  %.0f images/s  %v left", e.Epoch, e.Epochs, e.ImagesPerSecond, e.Left.Round(time.Second))
	if e.Load != "" {
		text += "  " + e.Load
	}
	return text
}

// describeLoss is the loss with its terms, before their weights, and the health of the embeddings.
func describeLoss(e train.StepEvent) string {
	parts := []string{fmt.Sprintf("loss %.4g", e.Loss)}
	for _, t := range e.Terms {
		parts = append(parts, fmt.Sprintf("%s %.3g", t.Name, float64(t.Value)))
	}
	if e.Health != "" {
		parts = append(parts, e.Health)
	}
	return strings.Join(parts, "  ")
}
