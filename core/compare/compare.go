// Package compare conducts studies: the same data and the same budget for several configurations and several seeds, in one
// table with intervals and tests.
//
// A [Study] is a list of cells: [Methods], [Sweep] and [Recipe.Study] make one. [Conduct] runs each cell with each seed,
// several at a time, reusing what is finished and continuing what was interrupted; [NewReport] turns the outcomes into
// figures, which print as terminal table, CSV, Markdown, HTML and JSON.
//
// Runs of one seed see the same images in the same order with the same augmentation draws, whatever the method, so that
// they compare pair by pair. A run belongs to a configuration by its hash: a study never mixes configurations.
package compare

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/sourcegraph/conc/pool"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/run"
)

// Study is what is to be compared.
type Study struct {
	Title string
	Axes  []string // what the labels of a cell are: "method", or the keys of a sweep
	Cells []Cell
	Seeds int
}

// Cell is one configuration of a study, run with every seed from its own on.
type Cell struct {
	Name   string
	Labels []string // one for each axis
	Config config.Config
}

// Outcome is what the runs of a cell came to, in the order of the seeds.
type Outcome struct {
	Cell Cell
	Runs []Attempt
}

// Attempt is one run of a cell.
type Attempt struct {
	Seed   uint64     `json:"seed"`
	Dir    string     `json:"run"`
	Reused bool       `json:"reused"`
	Result run.Result `json:"result"`
	Failed string     `json:"failed,omitempty"` // why there is no result: the run diverged
}

// Task is one run to be done.
type Task struct {
	Cell   string
	Seed   uint64
	Config config.Config
}

// Finish is what a run came to.
type Finish struct {
	Result run.Result
	Dir    string
	Reused bool // nothing had to be computed
}

// Runner does a task. Several run at a time.
type Runner func(ctx context.Context, t Task) (Finish, error)

// Told is progress of a study: a task begins, or it ended with an attempt.
type Told struct {
	Task
	Done, Total int
	Attempt     *Attempt // nil where the task begins
}

// Conduct runs the study, parallel runs at a time (0 for one a core), and shares the cores out among them. A run that
// diverges is a result - the cell collapsed - and does not stop the others; any other error does, and they save their
// state. tell is called by one goroutine at a time. Outcomes are in the order of the cells.
func Conduct(ctx context.Context, s Study, parallel int, runner Runner, tell func(Told)) ([]Outcome, error) {
	if len(s.Cells) == 0 || s.Seeds < 1 {
		return nil, fault.New(fault.Usage, "name something to compare, and at least one seed", "a study of %d cells and %d seeds", len(s.Cells), s.Seeds)
	}
	c := newConductor(s, parallel)
	c.runner, c.tell = runner, tell
	p := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError().WithMaxGoroutines(c.parallel)
	for _, t := range c.tasks {
		p.Go(func(ctx context.Context) error { return c.do(ctx, t) })
	}
	err := p.Wait()
	if ctx.Err() != nil {
		return nil, fault.New(fault.Interrupted, "the same command continues where this one stopped", "interrupted: %d of %d runs are finished", c.done, c.total)
	}
	return c.outcomes, err
}

// conductor hands out tasks and gathers what they come to.
type conductor struct {
	outcomes []Outcome
	tasks    []*task
	parallel int
	runner   Runner

	mu    sync.Mutex
	tell  func(Told)
	done  int
	total int
}

// task is a run with the places in the outcomes that it fills: several where cells share a configuration.
type task struct {
	Task
	fill []*Attempt
}

// newConductor lists the tasks seed by seed, so that an unfinished study has whole rows of seeds.
func newConductor(s Study, parallel int) *conductor {
	if parallel < 1 {
		parallel = runtime.GOMAXPROCS(0)
	}
	c := &conductor{parallel: min(parallel, len(s.Cells)*s.Seeds), outcomes: make([]Outcome, len(s.Cells))}
	for i, cell := range s.Cells {
		c.outcomes[i] = Outcome{Cell: cell, Runs: make([]Attempt, s.Seeds)}
	}
	byHash := map[string]*task{}
	for seed := range s.Seeds {
		for i, cell := range s.Cells {
			own := share(cell.Config.Clone(), c.parallel)
			own.Train.Seed += uint64(seed)
			hash := own.Hash()
			if byHash[hash] == nil {
				// Untrained network and pixels are the same for all cells that can be compared; the first cell probes them.
				own.Probe.Baselines = own.Probe.Baselines && i == 0
				byHash[hash] = &task{Task: Task{Cell: cell.Name, Seed: own.Train.Seed, Config: own}}
				c.tasks = append(c.tasks, byHash[hash])
			}
			byHash[hash].fill = append(byHash[hash].fill, &c.outcomes[i].Runs[seed])
		}
	}
	c.total = len(c.tasks)
	return c
}

// share gives a run its part of the cores, where the user does not say otherwise. Bits do not depend on it.
func share(c config.Config, parallel int) config.Config {
	cores := max(1, runtime.GOMAXPROCS(0)/parallel)
	if c.Threads == 0 {
		c.Threads = cores
	}
	if c.Train.Workers == 0 {
		c.Train.Workers = cores
	}
	return c
}

func (c *conductor) do(ctx context.Context, t *task) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.report(Told{Task: t.Task})
	f, err := c.runner(ctx, t.Task)
	a := Attempt{Seed: t.Seed, Dir: f.Dir, Reused: f.Reused, Result: f.Result}
	switch {
	case fault.CodeOf(err) == fault.Diverged:
		a.Failed = err.Error()
	case err != nil:
		return fmt.Errorf("%s, seed %d: %w", t.Cell, t.Seed, err)
	}
	for _, place := range t.fill {
		*place = a
	}
	c.report(Told{Task: t.Task, Attempt: &a})
	return nil
}

func (c *conductor) report(t Told) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.Attempt != nil {
		c.done++
	}
	t.Done, t.Total = c.done, c.total
	c.tell(t)
}
