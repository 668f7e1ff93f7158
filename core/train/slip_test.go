package train

import (
	"testing"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
)

// TestGoldenNoticesSlips spoils the optimiser a little and demands that the golden steps notice, also when kinks may be
// turned: a search that explains everything away would prove nothing.
func TestGoldenNoticesSlips(t *testing.T) {
	slips := []struct {
		name, file string
		spoil      func(o *config.Optimizer)
	}{
		{"rate", "barlowtwins-sgd", func(o *config.Optimizer) { o.LR *= 1.003 }},
		{"momentum", "byol-sgd", func(o *config.Optimizer) { o.Momentum -= 0.003 }},
		{"Nesterov", "byol-sgd", func(o *config.Optimizer) { o.Nesterov = true }},
		{"no decay", "simsiam+var+cov-sgd", func(o *config.Optimizer) { o.WeightDecay = 0 }},
		{"decay of biases", "byol+var+cov-lars", func(o *config.Optimizer) { o.ExcludeNormBias = false }},
		{"no decay in LARS", "vicreg-lars", func(o *config.Optimizer) { o.WeightDecay = 0 }},
		{"trust coefficient", "vicreg-lars", func(o *config.Optimizer) { o.Eta *= 1.01 }},
		{"decay of AdamW", "vicreg-adamw", func(o *config.Optimizer) { o.WeightDecay *= 1.01 }},
		{"first moment", "vicreg-adamw", func(o *config.Optimizer) { o.Beta1 -= 0.01 }},
		{"second moment", "vicreg-adamw", func(o *config.Optimizer) { o.Beta2 = 0.99 }},
	}
	pool := kernel.NewPool(2)
	t.Cleanup(pool.Close)
	for _, s := range slips {
		t.Run(s.name, func(t *testing.T) {
			g := openGolden(t, "testdata/golden/step-"+s.file+".safetensors")
			g.spoil = s.spoil
			w := g.replay(t, cpu.New(pool), pool, watches)
			if f := g.replay(t, cpu.New(pool), pool, trains).run(search(t, w, nil)); f.good() {
				t.Errorf("agrees all the same: %s", f)
			}
		})
	}
}

// TestGoldenNoticesTarget is the same for the moving average of the target branch.
func TestGoldenNoticesTarget(t *testing.T) {
	pool := kernel.NewPool(2)
	t.Cleanup(pool.Close)
	g := openGolden(t, "testdata/golden/step-byol-sgd.safetensors")
	g.meta["ema"] = "0.901"
	w := g.replay(t, cpu.New(pool), pool, watches)
	if f := g.replay(t, cpu.New(pool), pool, trains).run(search(t, w, nil)); f.good() {
		t.Errorf("agrees all the same: %s", f)
	}
}
