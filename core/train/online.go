package train

import (
	"fmt"

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

// learnOnline gives the online probe the representations of the step that was just computed.
func (t *trainer) learnOnline(labels []int) {
	if t.online == nil {
		return
	}
	views := make([][]float32, len(t.net.model.Y))
	for i, y := range t.net.model.Y {
		views[i] = t.net.exe.Read(y)
	}
	t.online.Step(t.job.Pool, t.step, views, labels)
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
