package main

import (
	"testing"

	"github.com/sslctl/sslctl/core/fault"
	runfolder "github.com/sslctl/sslctl/core/run"
)

func TestDemands(t *testing.T) {
	healthy := runfolder.Result{
		Loss:     20.5,
		Probes:   []runfolder.ProbeResult{{Probe: runfolder.KNN, Features: runfolder.Trained, Accuracy: 0.868}, {Probe: runfolder.Linear, Features: runfolder.Pixels, Accuracy: 0.9}},
		Collapse: runfolder.Collapse{Verdict: "none", Healthy: true},
	}
	ill := healthy
	ill.Collapse = runfolder.Collapse{Verdict: "dimensional"}
	for _, test := range []struct {
		name   string
		result runfolder.Result
		demand string
		want   string
	}{
		{"a bound that is reached", healthy, "knn<86.8", ""},
		{"one that is not", healthy, "knn<86.9", "demanded by --fail-if: knn is 86.8, below 86.9"},
		{"of the other side", healthy, "loss > 20", "demanded by --fail-if: loss is 20.5, above 20"},
		{"a figure of other features", healthy, "linear<1", "demanded by --fail-if: linear was not measured"},
		{"no spectrum", healthy, "effective_rank<1", "demanded by --fail-if: effective_rank was not measured"},
		{"no collapse", healthy, "collapsed", ""},
		{"collapse", ill, "collapsed", "demanded by --fail-if: the embeddings collapsed: dimensional"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var d demands
			if err := d.Set(test.demand); err != nil {
				t.Fatal(err)
			}
			err := d.check(test.result)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || err.Error() != test.want || fault.CodeOf(err) != fault.Threshold {
				t.Errorf("error %v of code %d, want %s", err, fault.CodeOf(err), test.want)
			}
		})
	}
}
