package compare

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/fault"
)

func TestConduct(t *testing.T) {
	s := Study{Title: "x", Cells: cells("a", "b"), Seeds: 3}
	s.Cells = append(s.Cells, Cell{Name: "again", Config: s.Cells[0].Config}) // the same configuration as a
	s.Cells[1].Config.Train.Seed = 10
	s.Cells[1].Config.Threads = 7
	var begun, ended []string
	outcomes, err := Conduct(t.Context(), s, 2, func(_ context.Context, task Task) (Finish, error) {
		if want := max(1, runtime.GOMAXPROCS(0)/2); task.Cell == "a" && task.Config.Threads != want || task.Cell == "b" && task.Config.Threads != 7 {
			t.Errorf("%s has %d threads", task.Cell, task.Config.Threads)
		}
		if task.Cell == "b" && task.Seed == 11 {
			return Finish{Dir: "d"}, fault.New(fault.Diverged, "", "NaN")
		}
		return Finish{Dir: fmt.Sprint(task.Cell, task.Seed)}, nil
	}, func(told Told) {
		if told.Attempt == nil {
			begun = append(begun, told.Cell)
			return
		}
		ended = append(ended, fmt.Sprintf("%s%d", told.Cell, told.Seed))
		if told.Total != 6 || told.Done != len(ended) {
			t.Errorf("told %d of %d after %d", told.Done, told.Total, len(ended))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range outcomes {
		for _, a := range o.Runs {
			got = append(got, fmt.Sprint(o.Cell.Name, " ", a.Seed, " ", a.Dir, a.Failed))
		}
	}
	want := "a 0 a0,a 1 a1,a 2 a2,b 10 b10,b 11 dNaN,b 12 b12,again 0 a0,again 1 a1,again 2 a2"
	if strings.Join(got, ",") != want {
		t.Errorf("outcomes\n%v, want\n%s", got, want)
	}
	if len(begun) != 6 || slices.Contains(begun, "again") {
		t.Errorf("begun: %v", begun)
	}
}

func TestConductEnds(t *testing.T) {
	s := Study{Title: "x", Cells: cells("a", "b"), Seeds: 20}
	var started atomic.Int32
	_, err := Conduct(t.Context(), s, 1, func(context.Context, Task) (Finish, error) {
		started.Add(1)
		return Finish{}, errors.New("disk on fire")
	}, func(Told) {})
	if err == nil || err.Error() != "a, seed 0: disk on fire" || started.Load() != 1 {
		t.Errorf("error %v after %d runs", err, started.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = Conduct(ctx, s, 2, func(ctx context.Context, task Task) (Finish, error) {
		if task.Seed == 1 {
			cancel()
			<-ctx.Done()
			return Finish{}, fault.New(fault.Interrupted, "", "interrupted")
		}
		return Finish{}, nil
	}, func(Told) {})
	if fault.CodeOf(err) != fault.Interrupted || !strings.Contains(err.Error(), "of 40 runs are finished") {
		t.Errorf("error %v", err)
	}
	if _, err = Conduct(t.Context(), Study{}, 1, nil, nil); fault.CodeOf(err) != fault.Usage {
		t.Errorf("an empty study: %v", err)
	}
}

// settled is what a resolver was given.
func settled(seen *[]config.Layers) Resolve {
	return func(_ context.Context, l config.Layers) (config.Config, error) {
		*seen = append(*seen, l)
		return config.Default(), nil
	}
}

func TestMethods(t *testing.T) {
	var seen []config.Layers
	l := config.Layers{Flags: map[string]any{"train.batch": 8}, Set: []string{"vicreg.nu=2", "optimizer.lr=0.1", "byol.reg.var=1"}}
	s, err := Methods(t.Context(), settled(&seen), l, []string{"vicreg", "byol"})
	if err != nil || len(s.Cells) != 2 {
		t.Fatal(s, err)
	}
	if seen[0].Flags["method"] != "vicreg" || !slices.Equal(seen[0].Set, []string{"nu=2", "optimizer.lr=0.1"}) ||
		seen[1].Flags["method"] != "byol" || !slices.Equal(seen[1].Set, []string{"optimizer.lr=0.1", "reg.var=1"}) {
		t.Errorf("layers %+v", seen)
	}
	if _, leaked := l.Flags["method"]; leaked {
		t.Error("the caller's flags were changed")
	}
	for _, names := range [][]string{{"vicreg", "vicreg"}, {""}, {"byol", ""}} {
		if _, err := Methods(t.Context(), settled(&seen), l, names); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%v: %v", names, err)
		}
	}
}

func TestSweep(t *testing.T) {
	var seen []config.Layers
	s, err := Sweep(t.Context(), settled(&seen), config.Layers{Set: []string{"nu=1,5", "batch=8", "backbone.widths=[8,16],[4,4]"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, c := range s.Cells {
		got = append(got, strings.Join(c.Labels, ";")+" "+strings.Join(seen[i].Set, " "))
	}
	want := []string{"[8,16];1 batch=8 backbone.widths=[8,16] nu=1", "[8,16];5 batch=8 backbone.widths=[8,16] nu=5",
		"[4,4];1 batch=8 backbone.widths=[4,4] nu=1", "[4,4];5 batch=8 backbone.widths=[4,4] nu=5"}
	if !slices.Equal(got, want) || !slices.Equal(s.Axes, []string{"backbone.widths", "nu"}) {
		t.Errorf("cells %q of %v", got, s.Axes)
	}
	for _, set := range [][]string{nil, {"nu=1"}, {"nu=1,2", "nu=3,4"}} {
		if _, err := Sweep(t.Context(), settled(&seen), config.Layers{Set: set}); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%v: %v", set, err)
		}
	}
}
