package train

import (
	"context"
	"fmt"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/sdk/expr"
)

// network is the training graph on its device, with the values of its parameters and buffers.
type network struct {
	spec   model.Spec
	model  *model.Model
	exe    engine.Executable
	values map[string][]float32 // in memory layout, by name
	readsY bool                 // representations are read after a step, for the online probe
	stored engine.Precision     // of activations
}

func newNetwork(j Job, size int) (n *network, err error) {
	n = &network{spec: model.Spec{Backbone: j.Backbone, Method: j.Method, Regularisers: j.Regularisers, Batch: j.Config.Train.Batch,
		Views: len(j.Config.Augment.Views), Channels: j.Data.Train.Channels(), Size: size}}
	if n.model, err = model.Build(n.spec); err != nil {
		return nil, err
	}
	n.values = n.model.Init(j.Config.Train.Seed)
	n.readsY = learnsOnline(j)
	if n.stored, err = engine.ParsePrecision(j.Config.Train.Precision); err != nil {
		return nil, err
	}
	return n, n.connect(j.Device)
}

// connect loads the training graph on a device and binds the parameters, which are updated in place.
func (n *network) connect(d engine.Device) (err error) {
	if n.exe, err = load(d, n.stored, n.outputs()); err != nil {
		return err
	}
	for _, p := range n.model.Params {
		if err := n.exe.Bind(p.Tensor, n.values[p.Name]); err != nil {
			return err
		}
	}
	return nil
}

// outputs is what a training step reads: loss, terms, gradients, batch statistics and embeddings.
func (n *network) outputs() []expr.Tensor {
	m := n.model
	outputs := append([]expr.Tensor{m.Loss}, m.Z...)
	outputs = append(outputs, m.P...)
	if n.readsY {
		outputs = append(outputs, m.Y...)
	}
	for _, t := range m.Terms {
		outputs = append(outputs, t.Value)
	}
	for _, p := range m.Params {
		if !p.Frozen {
			outputs = append(outputs, p.Grad)
		}
	}
	for _, b := range m.Buffers {
		outputs = append(outputs, b.Stats)
	}
	return outputs
}

func load(d engine.Device, stored engine.Precision, outputs []expr.Tensor) (engine.Executable, error) {
	plan, err := engine.CompileFor(stored, outputs...)
	if err != nil {
		return nil, err
	}
	exe, err := d.Load(plan)
	if err != nil {
		return nil, fmt.Errorf("load the plan on %s: %w", d.Name(), err)
	}
	return exe, nil
}

// forwardBackward computes loss and gradients of a batch. Nothing that the next step depends on changes.
func (n *network) forwardBackward(ctx context.Context, pixels []float32) error {
	if err := n.exe.Bind(n.model.Pixels, pixels); err != nil {
		return err
	}
	return n.exe.Run(ctx)
}

// updateBuffers moves batch norm's running statistics towards the batch's.
func (n *network) updateBuffers() {
	for _, b := range n.model.Buffers {
		b.Update(n.values[b.Name], n.exe.Read(b.Stats))
	}
}

// parameters is the number of trained numbers.
func (n *network) parameters() int {
	total := 0
	for _, p := range n.model.Params {
		if !p.Frozen {
			total += len(n.values[p.Name])
		}
	}
	return total
}
