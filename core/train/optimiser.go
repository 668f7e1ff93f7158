package train

import (
	"math"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/optim"
	"github.com/sslctl/sslctl/sdk/method"
)

// optimiser moves the network's parameters: the trained ones along their gradients, the target branch by moving average.
type optimiser struct {
	pool     *kernel.Pool
	rule     *optim.Optimizer
	schedule optim.Schedule
	average  *optim.Average // nil without a target branch
	momentum optim.Momentum

	// Where the step is a part of the device's plan:
	expressed *optim.Expressed
	bound     []optim.Memory // what changes from step to step
	shares    []float32      // of the moving average
}

// predictorPrefix opens the names of the predictor's parameters.
const predictorPrefix = "predictor"

func newOptimiser(c config.Config, n *network, total, perEpoch int, pool *kernel.Pool) (*optimiser, error) {
	var params []optim.Param
	for _, p := range n.model.Params {
		if !p.Frozen {
			params = append(params, optim.Param{Name: p.Name, Value: n.values[p.Name], Grad: n.gradient(p), Shape: p.Shape})
		}
	}
	o := &optimiser{pool: pool, schedule: scheduleOf(c, total, perEpoch)}
	if err := o.schedule.Check(); err != nil {
		return nil, err
	}
	options := optim.Options{LR: c.PeakLR()}
	for _, prefix := range c.Optimizer.FixedLR {
		// SimSiam's presets fix the predictor's rate; an ablation may have switched it off. Any other stray prefix is an error.
		if prefix == predictorPrefix && n.spec.Method.Recipe.Predictor == nil {
			continue
		}
		options.Rates = append(options.Rates, optim.Rate{Prefix: prefix, Scale: 1, Fixed: true})
	}
	var err error
	if o.rule, err = optim.New(params, ruleOf(c.Optimizer), options); err != nil {
		return nil, err
	}
	return o, o.follow(n, total)
}

func ruleOf(c config.Optimizer) optim.Rule {
	switch c.Name {
	case "sgd":
		return optim.SGD{Momentum: c.Momentum, Nesterov: c.Nesterov, WeightDecay: c.WeightDecay, DecayMatricesOnly: c.ExcludeNormBias}
	case "lars":
		return optim.LARS{Momentum: c.Momentum, WeightDecay: c.WeightDecay, Eta: c.Eta, Clip: c.Clip, AdaptAll: !c.ExcludeNormBias}
	}
	return optim.AdamW{Beta1: c.Beta1, Beta2: c.Beta2, Epsilon: c.Eps, WeightDecay: c.WeightDecay, DecayMatricesOnly: c.ExcludeNormBias}
}

// scheduleOf gives the warm-up at most half of the run, so that a few steps of a long recipe are still a run.
func scheduleOf(c config.Config, total, perEpoch int) optim.Schedule {
	warmup := c.Schedule.WarmupSteps
	if warmup == 0 {
		warmup = int(math.Round(c.Schedule.WarmupEpochs * float64(perEpoch)))
	}
	return optim.Schedule{LR: c.PeakLR(), Warmup: min(warmup, total/2), Total: total, Final: c.Schedule.Final, Constant: c.Schedule.Name == "constant"}
}

// follow sets up the moving average of the target branch.
func (o *optimiser) follow(n *network, total int) error {
	target := n.spec.Method.Recipe.Target
	if target == nil {
		return nil
	}
	o.momentum = momentumOf(*target, total)
	var pairs []optim.Pair
	for _, p := range n.model.Pairs {
		pairs = append(pairs, optim.Pair{Target: n.values[p.Target], Online: n.values[p.Online]})
	}
	var err error
	o.average, err = optim.NewAverage(pairs)
	return err
}

func momentumOf(t method.Target, total int) optim.Momentum {
	return optim.Momentum{Base: t.Momentum, Final: t.Final, Total: total, Constant: t.Schedule == "constant"}
}

// gradient is the memory in which a gradient arrives; nil where it is used up as it is made.
func (n *network) gradient(p model.Param) []float32 {
	if n.exe == nil || n.sunk[p.Name] {
		return nil
	}
	return n.exe.Read(p.Grad)
}

// step is one update with the gradients of step k = 0, 1, ..., unless the device has made it.
func (o *optimiser) step(k int) {
	if o.expressed != nil {
		o.expressed.Done()
		return
	}
	o.rule.Step(o.pool, o.schedule.At(k))
	if o.average != nil {
		o.average.Step(o.pool, o.momentum.At(k))
	}
}
