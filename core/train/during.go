package train

import (
	"context"

	"github.com/sslctl/sslctl/core/probe"
	"github.com/sslctl/sslctl/core/run"
)

// knnProbe is the name of the accuracy that is recorded while training.
const knnProbe = run.Accuracy + run.KNN

// progressProbe is what the probes taken while training have shown so far.
type progressProbe struct {
	step int     // of the newest
	best float64 // accuracy, of which the checkpoint is kept as the best
}

// probeDue says whether the configuration wants a probe of the current weights before training goes on.
func (t *trainer) probeDue() bool {
	every := t.job.Config.Probe.Every * t.loader.StepsPerEpoch()
	return every > 0 && t.step > 0 && t.step < t.total && t.step%every == 0 && t.probed.step != t.step && labelled(t.job.Data)
}

// probe records the accuracy of nearest neighbours, which need no training of their own, and keeps the checkpoint of the
// best. Its record is the last that it writes, so that after an interruption in its midst it is done again.
func (t *trainer) probe(ctx context.Context) error {
	if err := t.net.exe.Fetch(ctx); err != nil {
		return err
	}
	e := &evaluation{job: t.job, net: t.net, views: t.views}
	train, test, err := e.features(ctx, run.Trained, t.net.values)
	if err != nil {
		return err
	}
	c := t.job.Config.Probe
	e.phase("k nearest neighbours")
	a, err := probe.KNN(ctx, t.job.Pool, train.Y, train.Labels, test.Y, test.Labels, probe.KNNOptions{K: c.K, Temperature: c.Temperature})
	if err != nil {
		return err
	}
	t.probed.step = t.step
	if a.Top1 > t.probed.best {
		t.probed.best = a.Top1
		if err := t.save(); err != nil {
			return err
		}
		if err := t.job.Folder.MarkBest(t.step); err != nil {
			return err
		}
	}
	return t.job.Folder.Append(run.Record{Step: t.step, Epoch: t.epoch(), Values: map[string]float64{knnProbe: a.Top1}})
}

// markFinal lets the last checkpoint be the best where no probe while training was better.
func (t *trainer) markFinal(probes []run.ProbeResult) error {
	for _, p := range probes {
		if p.Probe == run.KNN && p.Features == run.Trained && float64(p.Accuracy) < t.probed.best {
			return nil
		}
	}
	return t.job.Folder.MarkBest(t.step)
}

// recall reads off metrics.jsonl what the probes of an interrupted run had shown.
func recall(records []run.Record) (p progressProbe) {
	for _, r := range records {
		if v, ok := r.Values[knnProbe]; ok {
			p.step, p.best = r.Step, max(p.best, v)
		}
	}
	return p
}
