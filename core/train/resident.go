package train

import (
	"slices"

	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda"
	"github.com/sslctl/sslctl/core/optim"
	"github.com/sslctl/sslctl/sdk/expr"
)

// On a device with memory of its own the whole step is one plan: optimiser, moving average and running statistics are updates
// of it, and parameters, the optimiser's state and buffers stay there. The host's copies are those of the last fetch.

// distant reports whether a device has memory of its own.
func distant(d engine.Device) bool {
	_, ok := d.(engine.Distant)
	return ok
}

// reside makes the optimiser's step a part of the training graph, loads it and gives the device all state.
func (n *network) reside(d engine.Device, o *optimiser) error {
	updates, err := o.express(n)
	if err != nil {
		return err
	}
	if n.exe, err = n.load(d, n.results(), append(n.statistics(), updates...)); err != nil {
		return err
	}
	for _, p := range n.model.Params {
		n.held = append(n.held, optim.Memory{Input: p.Tensor, Data: n.values[p.Name]})
	}
	n.held = append(n.held, o.expressed.Held...)
	for _, m := range o.bound {
		if err := n.exe.Bind(m.Input, m.Data); err != nil {
			return err
		}
	}
	return n.hold()
}

// hold gives the device the host's values, at the beginning and when they were restored.
func (n *network) hold() error {
	for _, m := range n.held {
		if err := n.exe.Hold(m.Input, m.Data); err != nil {
			return err
		}
	}
	return nil
}

// statistics are the updates of batch norm's running statistics, whose inputs are made here.
func (n *network) statistics() []engine.Update {
	var updates []engine.Update
	for _, b := range n.model.Buffers {
		in := n.model.Builder.Input(b.Name, b.Shape...)
		n.held = append(n.held, optim.Memory{Input: in, Data: n.values[b.Name]})
		updates = append(updates, engine.Update{Input: in, Value: b.Next(in)})
	}
	return updates
}

// express writes the step of optimiser and moving average into the network's graph.
func (o *optimiser) express(n *network) ([]engine.Update, error) {
	b := n.model.Builder
	inputs, grads := map[string]expr.Tensor{}, map[string]expr.Tensor{}
	for _, p := range n.model.Params {
		inputs[p.Name], grads[p.Name] = p.Tensor, p.Grad
	}
	var err error
	o.expressed, err = o.rule.Express(b, func(name string) (value, grad expr.Tensor) { return inputs[name], grads[name] })
	if err != nil {
		return nil, err
	}
	o.bound = o.expressed.Bound
	if o.average == nil {
		return o.expressed.Updates, nil
	}
	o.shares = make([]float32, 2)
	keep, rest := b.Input("average.keep"), b.Input("average.rest")
	o.bound = append(o.bound, optim.Memory{Input: keep, Data: o.shares[:1]}, optim.Memory{Input: rest, Data: o.shares[1:]})
	var updates []engine.Update
	for _, p := range slices.Backward(n.model.Pairs) {
		updates = append(updates, engine.Update{Input: inputs[p.Target], Value: optim.Follow(inputs[p.Target], o.expressed.Next(p.Online), keep, rest)})
	}
	return append(updates, o.expressed.Updates...), b.Err()
}

// prepare sets the rates of step k = 0, 1, ..., as far as they are in force while the step is computed.
func (o *optimiser) prepare(k int) {
	if o.expressed == nil {
		o.rule.Begin(o.schedule.At(k))
		if o.average != nil {
			o.average.Begin(o.momentum.At(k))
		}
		return
	}
	o.expressed.Set(o.schedule.At(k), k+1)
	if o.average != nil {
		o.shares[0], o.shares[1] = optim.AverageRates(o.momentum.At(k))
	}
}

// viewsOnDevice reports whether the device makes the views of a job: a GPU, for images whose sizes are known. Folders of images
// are not among them until they are packed.
func viewsOnDevice(j Job) bool {
	_, gpu := j.Device.(*cuda.Device)
	_, _, known := data.Bounds(j.Data.Train)
	return gpu && known && j.Config.Train.Views == "auto"
}

// makeViews lets the GPU make the network's pixels.
func (t *trainer) makeViews() (err error) {
	height, width, _ := data.Bounds(t.job.Data.Train)
	t.parcel, err = t.net.exe.(*cuda.Executable).MakeViews(t.net.model.Pixels, t.views.pipelines, t.job.Config.Train.Batch, height, width)
	return t.net.advised(err)
}
