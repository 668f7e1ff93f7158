package bench

import (
	"context"
	"testing"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/optim"
	"github.com/sslctl/sslctl/methods/vicreg"
	"github.com/sslctl/sslctl/sdk/method"
)

// TestStepAllocatesNothing runs the real step of every kind of network - forward, backward, optimiser, moving average of a
// target - and demands that after the first it asks for no memory. Batch, image and expander are small.
func TestStepAllocatesNothing(t *testing.T) {
	rules := map[string]optim.Rule{"sgd": optim.SGD{Momentum: 0.9}, "lars": optim.LARS{Momentum: 0.9, WeightDecay: 1e-4}, "adamw": optim.AdamW{WeightDecay: 0.01}}
	// Of several threads, chance says when each has met its largest task and has its scratch memory.
	pool, dots := newPool(t, 1), newPool(t, 1, kernel.WithDots(2)) // a rate at which some multiply in bfloat16
	for _, net := range Nets() {
		net.Size, net.Expander = min(net.Size, 32), []int{64, 96, 128}
		for name, rule := range rules {
			if name != "sgd" && net.Name != "tiny" {
				continue // rules know nothing of networks
			}
			for _, precision := range []engine.Precision{engine.FP32, engine.BF16} {
				t.Run(net.Name+"/"+name+"/"+precision.String(), func(t *testing.T) {
					step := wholeStep(t, pool, net, rule, precision)
					if n := testing.AllocsPerRun(2, step); n != 0 {
						t.Errorf("a step allocates %v times", n)
					}
				})
			}
			if dots.DotRate() == 0 {
				t.Log("this CPU does not multiply in bfloat16")
				continue
			}
			if net.Name == "r18" {
				continue // small has the same layers
			}
			t.Run(net.Name+"/"+name+"/multiplied in bf16", func(t *testing.T) {
				if n := testing.AllocsPerRun(2, wholeStep(t, dots, net, rule, engine.BF16)); n != 0 {
					t.Errorf("a step allocates %v times", n)
				}
			})
		}
	}
}

// wholeStep builds a network's step, with a target that follows all parameters.
func wholeStep(t *testing.T, pool *kernel.Pool, net Net, rule optim.Rule, precision engine.Precision) func() {
	t.Helper()
	s := &stepper{net: net, pool: pool, batch: 4, precision: precision, rule: rule}
	ctx := context.Background()
	traced, err := method.Trace(vicreg.Method{}, map[string]any{"projector": net.Expander}, method.Shapes{Batch: s.batch, Views: 2})
	if err != nil {
		t.Fatal(err)
	}
	backbone, err := backbones.New(net.Backbone, net.Options)
	if err != nil {
		t.Fatal(err)
	}
	spec := model.Spec{Backbone: backbone, Method: traced, Batch: s.batch, Views: 2, Channels: net.Channels, Size: net.Size}
	if s.model, err = model.Build(spec); err != nil {
		t.Fatal(err)
	}
	if err := s.compile(); err != nil {
		t.Fatal(err)
	}
	if err := s.load(); err != nil {
		t.Fatal(err)
	}
	var pairs []optim.Pair
	for _, p := range s.model.Params {
		value := s.exe.Read(p.Tensor)
		pairs = append(pairs, optim.Pair{Target: make([]float32, len(value)), Online: value})
	}
	target, err := optim.NewAverage(pairs)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := s.step(ctx); err != nil {
			t.Fatal(err)
		}
		target.Step(pool, 0.99)
	}
}
