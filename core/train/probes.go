package train

import (
	"context"
	"fmt"
	"math"

	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/probe"
	"github.com/sslctl/sslctl/core/run"
)

// fewSeed draws the labels of the probe with few labels: the same for every run, so that runs compare.
const fewSeed = 1

// labelled reports whether a data set can be probed at all.
func labelled(s *data.Splits) bool { return len(s.Train.Classes()) > 1 && s.Test.Len() > 0 }

// probes reads the classes off features in the ways that the configuration names.
func (e *evaluation) probes(ctx context.Context, kind string, train, test Features) ([]run.ProbeResult, error) {
	var results []run.ProbeResult
	add := func(name string, labels int, detail string, a probe.Accuracy, err error) error {
		if err != nil {
			return fmt.Errorf("probe %s on %s features: %w", name, kind, err)
		}
		results = append(results, run.ProbeResult{Probe: name, Features: kind, Accuracy: run.Number(a.Top1), Low: run.Number(a.Low), High: run.Number(a.High),
			Test: a.N, Labels: labels, Dim: train.Dim, Draws: len(a.Draws), Spread: run.Number(spread(a.Draws)), Detail: detail})
		return nil
	}
	c := e.job.Config.Probe
	if c.Linear {
		e.phase("linear probe, " + kind)
		a, err := probe.Linear(ctx, e.job.Pool, train.Y, train.Labels, test.Y, test.Labels, probe.LinearOptions{})
		if err := add(run.Linear, train.Len(), "", a, err); err != nil {
			return nil, err
		}
	}
	if c.KNN {
		e.phase("k nearest neighbours, " + kind)
		a, err := probe.KNN(ctx, e.job.Pool, train.Y, train.Labels, test.Y, test.Labels, probe.KNNOptions{K: c.K, Temperature: c.Temperature})
		if err := add(run.KNN, train.Len(), fmt.Sprintf("k=%d, T=%g", c.K, c.Temperature), a, err); err != nil {
			return nil, err
		}
	}
	if c.Few > 0 {
		e.phase("linear probe with few labels, " + kind)
		classes := len(e.job.Data.Train.Classes())
		perClass := max(1, int(math.Round(c.Few*float64(train.Len())/float64(classes))))
		a, err := probe.Few(ctx, e.job.Pool, train.Y, train.Labels, test.Y, test.Labels, probe.FewOptions{PerClass: perClass, Seed: fewSeed})
		if err := add(run.FewLabels, perClass*classes, fmt.Sprintf("%d labels a class", perClass), a, err); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// spread is the standard deviation over draws, unbiased; 0 for fewer than two.
func spread(draws []float64) float64 {
	if len(draws) < 2 {
		return 0
	}
	var mean, squares float64
	for _, d := range draws {
		mean += d / float64(len(draws))
	}
	for _, d := range draws {
		squares += (d - mean) * (d - mean)
	}
	return math.Sqrt(squares / float64(len(draws)-1))
}
