package main

import (
	"fmt"
	"io"

	"github.com/vbauerster/mpb/v8"
)

// downloads shows how far files have come: a bar for each on a terminal, else a line at its beginning and its end.
type downloads interface {
	observe(file string, done, total int64)
	close()
}

func (a *app) downloads() downloads {
	switch {
	case a.quiet:
		return silentDownloads{}
	case a.terminal:
		return &downloadBars{container: a.container(), bars: map[string]*mpb.Bar{}, texts: map[string]*barText{}}
	}
	return &downloadLines{out: a.stderr, state: map[string]downloadState{}}
}

type silentDownloads struct{}

func (silentDownloads) observe(string, int64, int64) {}
func (silentDownloads) close()                       {}

type downloadBars struct {
	container *mpb.Progress
	bars      map[string]*mpb.Bar
	texts     map[string]*barText
}

func (d *downloadBars) observe(file string, done, total int64) {
	bar, ok := d.bars[file]
	if !ok {
		d.texts[file] = &barText{}
		bar = addBar(d.container, file, total, d.texts[file])
		d.bars[file] = bar
	}
	text := amount(done) + " of " + amount(total)
	d.texts[file].beside.Store(&text)
	bar.SetCurrent(done)
}

// close leaves whole files at 100 % and ends the bars of those that were cut off.
func (d *downloadBars) close() {
	for _, bar := range d.bars {
		if !bar.Completed() {
			bar.Abort(false)
		}
	}
	d.container.Wait()
}

// downloadState is what has been said of a file.
type downloadState int

const (
	unheard downloadState = iota
	begun
	arrived
)

type downloadLines struct {
	out   io.Writer
	state map[string]downloadState
}

func (d *downloadLines) observe(file string, done, total int64) {
	if d.state[file] == unheard {
		d.state[file] = begun
		fmt.Fprintf(d.out, "fetching %s, %s\n", file, amount(total))
	}
	if done >= total && d.state[file] == begun {
		d.state[file] = arrived
		fmt.Fprintf(d.out, "fetched %s\n", file)
	}
}

func (d *downloadLines) close() {}
