//go:build unix

package host_test

import (
	"context"
	"os"
	"slices"
	"testing"

	"github.com/sslctl/sslctl/core/bench"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/plugins"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
)

// BenchmarkOverhead times the demo's training step with VICReg from its plugin and with VICReg linked in, by turns, and
// reports the median of each and by how much the plugin's is longer. Run it with -benchtime 10x.
func BenchmarkOverhead(b *testing.B) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	h := host.New(host.Options{Self: self, Shipped: plugins.Shipped()})
	defer h.Close()
	pool := kernel.NewPool(2)
	defer pool.Close()
	ways := map[string]bench.Tracer{
		"linked": func(_ context.Context, expander []int, s method.Shapes) (*method.Traced, error) {
			return method.Trace(vicreg.Method{}, map[string]any{"projector": expander}, s)
		},
		"plugin": func(ctx context.Context, expander []int, s method.Shapes) (*method.Traced, error) {
			ref, err := h.Find(wire.Method, "vicreg")
			if err != nil {
				return nil, err
			}
			traced, _, err := h.Trace(ctx, ref, map[string]any{"projector": expander}, s)
			return traced, err
		},
	}
	times := map[string][]float64{}
	for b.Loop() {
		for _, way := range []string{"linked", "plugin", "plugin", "linked"} {
			step, err := bench.TimeStep(b.Context(), pool, bench.StepOptions{Net: "tiny", Steps: 10, Warmup: 2, Trace: ways[way]})
			if err != nil {
				b.Fatal(err)
			}
			times[way] = append(times[way], step.Median)
		}
	}
	linked, plugin := median(times["linked"]), median(times["plugin"])
	b.ReportMetric(linked, "linked-ms")
	b.ReportMetric(plugin, "plugin-ms")
	b.ReportMetric(100*(plugin/linked-1), "%-longer")
}

func median(v []float64) float64 {
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
