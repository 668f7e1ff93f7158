package train

import (
	"fmt"
	"slices"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/probe"
	"github.com/sslctl/sslctl/core/run"
)

// learnsOnline reports whether a job trains the online probe: the configuration asks for it, and there are labels.
func learnsOnline(j Job) bool { return j.Config.Probe.Online && labelled(j.Data) }

func newOnline(j Job, n *network, total int) *probe.Online {
	if !learnsOnline(j) {
		return nil
	}
	return probe.NewOnline(len(j.Data.Train.Classes()), n.model.Y[0].Dim(1), total)
}

// lesson is what the online probe has to learn from a step: representations and labels.
type lesson struct {
	step   int
	views  [][]float32
	labels []int
}

// learnOnline gives the online probe the representations of the step that was just computed. Where a device works while the
// host goes on, the probe learns from a copy of them during the next step.
func (t *trainer) learnOnline(labels []int) {
	if t.online == nil {
		return
	}
	t.lesson = &lesson{step: t.step, labels: labels}
	for _, y := range t.net.model.Y {
		t.lesson.views = append(t.lesson.views, t.net.exe.Read(y))
	}
	if _, later := t.net.exe.(engine.Pipelined); !later {
		t.catchUp()
		return
	}
	for i, y := range t.lesson.views {
		t.lesson.views[i] = slices.Clone(y)
	}
}

// catchUp lets the online probe learn what it has not learned yet.
func (t *trainer) catchUp() {
	if l := t.lesson; l != nil {
		t.lesson = nil
		t.online.Step(t.job.Pool, l.step, l.views, l.labels)
	}
}

// testOnline tests the online probe on representations made in evaluation mode.
func (e *evaluation) testOnline(train, test Features) (run.ProbeResult, error) {
	a, err := e.online.Test(e.job.Pool, test.Y, test.Labels)
	if err != nil {
		return run.ProbeResult{}, fmt.Errorf("online probe: %w", err)
	}
	return run.ProbeResult{Probe: run.Online, Features: run.Trained, Accuracy: run.Number(a.Top1), Low: run.Number(a.Low), High: run.Number(a.High),
		Test: a.N, Labels: train.Len(), Dim: train.Dim, Detail: "on augmented views, while training"}, nil
}
