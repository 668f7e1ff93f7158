package train

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/run"
)

// storing is a device of which nobody knows that it has sinks: gradients are stored, and the optimiser steps afterwards.
type storing struct{ engine.Device }

// TestSinks: a run whose parameters, and whose target's, move while their gradients are made is the same, to the bit, as one that
// stores all gradients first.
func TestSinks(t *testing.T) {
	dataDir := t.TempDir()
	writePatterns(t, dataDir)
	for _, o := range []config.Optimizer{
		{Name: "sgd", LR: .05, LRScale: "none", Momentum: .9, WeightDecay: 1e-4}, {Name: "adamw", LR: 1e-3, LRScale: "none", WeightDecay: 1e-2},
		{Name: "lars", LR: .2, LRScale: "none", Momentum: .9, WeightDecay: 1e-4, ExcludeNormBias: true},
	} {
		t.Run(o.Name, func(t *testing.T) {
			c := small("byol", dataDir)
			c.Optimizer, c.Train.Steps = o, 4
			var traces []trace
			for _, stored := range []bool{true, false} {
				pool := kernel.NewPool(2)
				defer pool.Close()
				j, err := smallJob(c, pool)
				if err != nil {
					t.Fatal(err)
				}
				if stored {
					j.Device = storing{j.Device}
				}
				dir := filepath.Join(t.TempDir(), "run")
				if _, err := conductJob(context.Background(), dir, j); err != nil {
					t.Fatal(err)
				}
				traces = append(traces, traceOf(t, dir))
			}
			demandSame(t, traces[0], traces[1])
		})
	}
}

// TestDivergedWhenInterrupted: a step whose loss is not finite may have moved the weights, so they are not saved, even where the
// context has ended meanwhile.
func TestDivergedWhenInterrupted(t *testing.T) {
	dataDir := t.TempDir()
	writePatterns(t, dataDir)
	pool := kernel.NewPool(1)
	defer pool.Close()
	c := small("vicreg", dataDir)
	j, err := smallJob(c, pool)
	if err != nil {
		t.Fatal(err)
	}
	if j.Folder, _, err = openRun(filepath.Join(t.TempDir(), "run"), c); err != nil {
		t.Fatal(err)
	}
	tr, err := newTrainer(j)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.close()
	tr.step = 1
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := tr.keep(ctx, tr.diverged("the loss is NaN")); fault.CodeOf(err) != fault.Diverged {
		t.Errorf("the error is %v", err)
	}
	if _, err := j.Folder.LoadLast(); !errors.Is(err, run.ErrNoCheckpoint) {
		t.Errorf("the state was saved: %v", err)
	}
	if err := j.Folder.Close(run.Failed, ""); err != nil {
		t.Error(err)
	}
}
