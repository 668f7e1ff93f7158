package train

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/probe"
	"github.com/sslctl/sslctl/core/probe/collapse"
	"github.com/sslctl/sslctl/core/run"
)

// analysed is the number of images whose embeddings the verdict on collapse rests on. Eigenvalues of the smaller Gram
// matrix take two seconds for this many rows, however wide the embedding.
const analysed = 1024

// evaluation judges a network: probes on its representations beside those of the untrained network and of raw pixels, and
// the verdict on collapse.
type evaluation struct {
	job   Job
	net   *network
	views viewSet
	// online is the probe that learned beside the method; nil where there is none.
	online *probe.Online
}

func (e *evaluation) phase(name string) { e.job.Observe(PhaseEvent{Name: name}) }

// Evaluate judges the weights of a run folder's newest checkpoint anew, without training and without writing. The job's
// folder is not used.
func Evaluate(ctx context.Context, j Job, folder *run.Folder) (run.Result, error) {
	if j.Observe == nil {
		j.Observe = func(Event) {}
	}
	t, err := newTrainer(j)
	if err != nil {
		return run.Result{}, err
	}
	defer t.close()
	c, err := folder.LoadLast()
	if err != nil {
		return run.Result{}, err
	}
	if err := t.restore(c); err != nil {
		return run.Result{}, fmt.Errorf("restore %s: %w", c.Path, err)
	}
	records, err := folder.Metrics()
	if err != nil {
		return run.Result{}, err
	}
	t.last = lastOf(records, t.net.model)
	result, _, err := t.finish(ctx, 0)
	return result, err
}

// lastOf is the loss of the last recorded step, for a run whose training was over before.
func lastOf(records []run.Record, m *model.Model) (r stepResult) {
	for _, record := range slices.Backward(records) {
		loss, ok := record.Values[run.Loss]
		if !ok {
			continue
		}
		r.loss = loss
		for _, t := range m.Terms {
			r.terms = append(r.terms, run.TermResult{Name: t.Name, Weight: run.Number(t.Weight), Value: run.Number(record.Values[run.Term+t.Name])})
		}
		break
	}
	return r
}

// finish evaluates and assembles the result, and the map that goes with it.
func (t *trainer) finish(ctx context.Context, trained time.Duration) (run.Result, *run.Map, error) {
	t.catchUp()
	start := time.Now()
	e := &evaluation{job: t.job, net: t.net, views: t.views, online: t.online}
	judged, err := e.judge(ctx)
	if err != nil {
		return run.Result{}, nil, err
	}
	c := t.job.Config
	probing := time.Since(start)
	result := run.Result{Method: c.Method, Dataset: c.Data.Name, Seed: c.Train.Seed, Steps: t.step, Epochs: run.Number(t.epoch()),
		Parameters: t.net.parameters(), Probes: judged.probes, Collapse: judged.collapse, Spectrum: judged.spectrum, Loss: run.Number(t.last.loss), Terms: t.last.terms,
		Time: run.Timing{Total: run.Number((trained + probing).Seconds()), Train: run.Number(trained.Seconds()),
			Probe: run.Number(probing.Seconds()), Wait: run.Number(t.loader.Wait().Seconds())}}
	if trained > 0 {
		result.Time.ImagesPerSecond = run.Number(float64(t.step*c.Train.Batch) / trained.Seconds())
	}
	return result, judged.plane, nil
}

// judgement is what an evaluation finds.
type judgement struct {
	probes   []run.ProbeResult
	collapse run.Collapse
	spectrum *run.Spectrum
	plane    *run.Map // nil for too few images
}

// judge extracts features and measures them. Without labels there is a verdict on collapse alone.
func (e *evaluation) judge(ctx context.Context) (j judgement, err error) {
	if err := e.net.exe.Fetch(ctx); err != nil {
		return j, err
	}
	train, test, err := e.features(ctx, run.Trained, e.net.values)
	if err != nil {
		return j, err
	}
	sample, split := test, "test"
	if sample.Len() < 2 {
		sample, split = train, "train"
	}
	if j.collapse, j.spectrum, err = e.verdict(ctx, sample); err != nil {
		return j, err
	}
	if j.plane, err = e.plane(ctx, sample, split); err != nil || !labelled(e.job.Data) {
		return j, err
	}
	if j.probes, err = e.probes(ctx, run.Trained, train, test); err != nil {
		return j, err
	}
	if e.online != nil {
		p, err := e.testOnline(train, test)
		if err != nil {
			return j, err
		}
		j.probes = append(j.probes, p)
	}
	if !e.job.Config.Probe.Baselines {
		return j, nil
	}
	baselines, err := e.baselines(ctx)
	j.probes = append(j.probes, baselines...)
	return j, err
}

// baselines probes what training must beat: the same network with its initial weights, and the pixels.
func (e *evaluation) baselines(ctx context.Context) ([]run.ProbeResult, error) {
	train, test, err := e.features(ctx, run.Untrained, e.net.model.Init(e.job.Config.Train.Seed))
	if err != nil {
		return nil, err
	}
	probes, err := e.probes(ctx, run.Untrained, train, test)
	if err != nil {
		return nil, err
	}
	e.phase("reading pixels")
	if train, err = pixels(ctx, e.job.Data.Train, e.views.plain); err != nil {
		return nil, err
	}
	if test, err = pixels(ctx, e.job.Data.Test, e.views.plain); err != nil {
		return nil, err
	}
	more, err := e.probes(ctx, run.Pixels, train, test)
	return append(probes, more...), err
}

// features passes both splits through the network with the given weights.
func (e *evaluation) features(ctx context.Context, kind string, values map[string][]float32) (train, test Features, err error) {
	x, err := newExtractor(e.job.Device, e.net.spec, values)
	if err != nil {
		return train, test, err
	}
	defer x.exe.Close()
	total := e.job.Data.Train.Len() + e.job.Data.Test.Len()
	tell := func(before int) func(done, _ int) {
		return func(done, _ int) {
			e.job.Observe(PhaseEvent{Name: "features, " + kind, Done: before + done, Total: total})
		}
	}
	if train, err = x.extract(ctx, e.job.Data.Train, e.views.plain, tell(0)); err != nil {
		return train, test, err
	}
	test, err = x.extract(ctx, e.job.Data.Test, e.views.plain, tell(train.Len()))
	return train, test, err
}

// verdict analyses embeddings of images without augmentation.
func (e *evaluation) verdict(ctx context.Context, f Features) (run.Collapse, *run.Spectrum, error) {
	n := min(analysed, f.Len())
	e.phase("spectrum of the embeddings")
	s, err := collapse.Analyse(ctx, f.Z[:n*f.Width], n, f.Width)
	if err != nil {
		return run.Collapse{}, nil, err
	}
	v := collapse.Judge(s, contextOf(e.net.spec, e.net.model))
	c := run.Collapse{Verdict: string(v.Kind), Healthy: v.Kind == collapse.None, Advice: v.Advice}
	for _, sentence := range v.Evidence {
		c.Evidence = append(c.Evidence, run.Evidence{OK: c.Healthy, Says: sentence})
	}
	return c, spectrumOf(s), nil
}

func spectrumOf(s collapse.Spectrum) *run.Spectrum {
	out := &run.Spectrum{N: s.N, D: s.D, UnitStd: run.Number(s.UnitStd), Spread: run.Number(s.Spread), Correlation: run.Number(s.Correlation),
		EffectiveRank: run.Number(s.EffectiveRank), Participation: run.Number(s.Participation), RankMe: run.Number(s.RankMe)}
	for _, v := range s.Eigenvalues {
		out.Eigenvalues = append(out.Eigenvalues, run.Number(v))
	}
	return out
}
