package train

import (
	"context"
	"fmt"
	"time"

	"github.com/sslctl/sslctl/core/probe/collapse"
	"github.com/sslctl/sslctl/core/run"
)

// analysed is the number of test images whose embeddings the verdict on collapse rests on: enough for the spectrum of the
// usual widths, and its eigenvalues take seconds.
const analysed = 4096

// evaluation judges a network: probes on its representations beside those of the untrained network and of raw pixels, and
// the verdict on collapse.
type evaluation struct {
	job   Job
	net   *network
	views viewSet
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
	defer t.loader.Close()
	c, err := folder.LoadLast()
	if err != nil {
		return run.Result{}, err
	}
	if err := t.restore(c); err != nil {
		return run.Result{}, fmt.Errorf("restore %s: %w", c.Path, err)
	}
	return t.finish(ctx, 0)
}

// finish evaluates and assembles the result.
func (t *trainer) finish(ctx context.Context, trained time.Duration) (run.Result, error) {
	start := time.Now()
	e := &evaluation{job: t.job, net: t.net, views: t.views}
	probes, verdict, err := e.judge(ctx)
	if err != nil {
		return run.Result{}, err
	}
	c := t.job.Config
	probing := time.Since(start)
	result := run.Result{Method: c.Method, Dataset: c.Data.Name, Seed: c.Train.Seed, Steps: t.step, Epochs: run.Number(t.epoch()),
		Parameters: t.net.parameters(), Probes: probes, Collapse: verdict, Loss: run.Number(t.last.loss), Terms: t.last.terms,
		Time: run.Timing{Total: run.Number((trained + probing).Seconds()), Train: run.Number(trained.Seconds()),
			Probe: run.Number(probing.Seconds()), Wait: run.Number(t.loader.Wait().Seconds())}}
	if trained > 0 {
		result.Time.ImagesPerSecond = run.Number(float64(t.step*c.Train.Batch) / trained.Seconds())
	}
	return result, nil
}

// judge extracts features and measures them. Without labels there is a verdict on collapse alone.
func (e *evaluation) judge(ctx context.Context) ([]run.ProbeResult, run.Collapse, error) {
	sample := e.job.Data.Test
	if sample.Len() < 2 {
		sample = e.job.Data.Train
	}
	var probes []run.ProbeResult
	var verdict run.Collapse
	train, test, err := e.features(ctx, run.Trained, e.net.values)
	if err != nil {
		return nil, verdict, err
	}
	if test.Len() == 0 {
		test = train
	}
	if verdict, err = e.verdict(ctx, test); err != nil || !labelled(e.job.Data) {
		return nil, verdict, err
	}
	if probes, err = e.probes(ctx, run.Trained, train, test); err != nil {
		return nil, verdict, err
	}
	baselines, err := e.baselines(ctx)
	return append(probes, baselines...), verdict, err
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
func (e *evaluation) verdict(ctx context.Context, f Features) (run.Collapse, error) {
	n := min(analysed, f.Len())
	e.phase("spectrum of the embeddings")
	s, err := collapse.Analyse(ctx, f.Z[:n*f.Width], n, f.Width)
	if err != nil {
		return run.Collapse{}, err
	}
	v := collapse.Judge(s, contextOf(e.net.model, e.net.spec.Method.Recipe.Predictor != nil))
	c := run.Collapse{Verdict: string(v.Kind), Healthy: v.Kind == collapse.None, Advice: v.Advice}
	for _, sentence := range v.Evidence {
		c.Evidence = append(c.Evidence, run.Evidence{OK: c.Healthy, Says: sentence})
	}
	return c, nil
}
