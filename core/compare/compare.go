// Package compare conducts studies: the same data and the same budget for several configurations and several seeds, in one
// table with intervals and tests.
//
// A [Study] is a list of cells; [Conduct] runs each cell with each seed, several at a time, reusing what is finished and
// continuing what was interrupted. Runs of one seed see the same images in the same order with the same augmentation draws,
// whatever the method, so that they compare pair by pair.
package compare

import (
	"context"
	"fmt"
	"sync"

	"github.com/sourcegraph/conc/pool"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/run"
)

// Study is what is to be compared.
type Study struct {
	Title string `json:"title"`
	Cells []Cell `json:"cells"`
	Seeds int    `json:"seeds"`
}

// Cell is one configuration of a study, run with every seed.
type Cell struct {
	Name   string        `json:"name"`
	Config config.Config `json:"-"`
}

// Outcome is what the runs of a cell came to, in the order of the seeds.
type Outcome struct {
	Name string    `json:"name"`
	Runs []Attempt `json:"runs"`
}

// Attempt is one run of a cell.
type Attempt struct {
	Seed   uint64     `json:"seed"`
	Dir    string     `json:"dir"`
	Result run.Result `json:"result"`
	Failed string     `json:"failed,omitempty"` // why there is no result: the run diverged
}

// Runner gives the result of a configuration, and the run's folder.
type Runner func(ctx context.Context, c config.Config) (run.Result, string, error)

// Told is progress of a study.
type Told struct {
	Done, Total int
	Cell        string
	Seed        uint64
	Err         error
}

// Conduct runs the study, parallel runs at a time. A run that diverges is a result - the cell collapsed - and does not stop
// the others; any other error does. Outcomes are in the order of the cells.
func Conduct(ctx context.Context, s Study, parallel int, runner Runner, tell func(Told)) ([]Outcome, error) {
	if len(s.Cells) == 0 || s.Seeds < 1 {
		return nil, fault.New(fault.Usage, "name something to compare, and at least one seed", "a study of %d cells and %d seeds", len(s.Cells), s.Seeds)
	}
	outcomes := make([]Outcome, len(s.Cells))
	total := len(s.Cells) * s.Seeds
	var mu sync.Mutex
	done := 0
	p := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError().WithMaxGoroutines(max(1, parallel))
	// Seed by seed, so that an unfinished study has whole rows of seeds.
	for i, cell := range s.Cells {
		outcomes[i] = Outcome{Name: cell.Name, Runs: make([]Attempt, s.Seeds)}
	}
	for seed := range s.Seeds {
		for i, cell := range s.Cells {
			p.Go(func(ctx context.Context) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				c := cell.Config.Clone()
				c.Train.Seed = cell.Config.Train.Seed + uint64(seed)
				attempt, err := attempt(ctx, c, runner)
				outcomes[i].Runs[seed] = attempt
				mu.Lock()
				defer mu.Unlock()
				done++
				tell(Told{Done: done, Total: total, Cell: cell.Name, Seed: c.Train.Seed, Err: err})
				return err
			})
		}
	}
	if err := p.Wait(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Title, err)
	}
	return outcomes, nil
}

func attempt(ctx context.Context, c config.Config, runner Runner) (Attempt, error) {
	result, dir, err := runner(ctx, c)
	a := Attempt{Seed: c.Train.Seed, Dir: dir, Result: result}
	if fault.CodeOf(err) == fault.Diverged {
		a.Failed = err.Error()
		return a, nil
	}
	return a, err
}
