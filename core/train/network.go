package train

import (
	"errors"
	"fmt"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/optim"
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
	held   []optim.Memory       // what a device with memory of its own keeps
	sunk   map[string]bool      // parameters that the optimiser moves while their gradients are made
}

func newNetwork(j Job, size int) (n *network, err error) {
	n = &network{spec: model.Spec{Backbone: j.Backbone, Method: j.Method, Regularisers: j.Regularisers, Batch: j.Config.Train.Batch,
		Views: len(j.Config.Augment.Views), Channels: j.Data.Train.Channels(), Size: size}}
	if n.model, err = model.Build(n.spec); err != nil {
		return nil, err
	}
	n.values = n.model.Init(j.Config.Train.Seed)
	n.readsY = learnsOnline(j)
	if stored := j.Config.Train.Precision; stored != "tf32" { // which is float32 in memory
		if n.stored, err = engine.ParsePrecision(stored); err != nil {
			return nil, err
		}
	}
	if distant(j.Device) {
		return n, nil // it is loaded together with the optimiser's step
	}
	if _, ok := j.Device.(*cpu.Device); ok {
		n.sink(ruleOf(j.Config.Optimizer))
	}
	return n, n.connect(j.Device)
}

// connect loads the training graph on a device and binds the parameters, which are updated in place.
func (n *network) connect(d engine.Device) (err error) {
	if n.exe, err = n.load(d, n.outputs(), nil, n.sinks()...); err != nil {
		return err
	}
	for _, p := range n.model.Params {
		if err := n.exe.Bind(p.Tensor, n.values[p.Name]); err != nil {
			return err
		}
	}
	return nil
}

// outputs is what a training step reads: the results, gradients that are not used up, and batch statistics.
func (n *network) outputs() []expr.Tensor {
	outputs := n.results()
	for _, p := range n.model.Params {
		if !p.Frozen && !n.sunk[p.Name] {
			outputs = append(outputs, p.Grad)
		}
	}
	for _, b := range n.model.Buffers {
		outputs = append(outputs, b.Stats)
	}
	return outputs
}

// results are loss, terms and embeddings, and representations where the online probe reads them.
func (n *network) results() []expr.Tensor {
	m := n.model
	results := append([]expr.Tensor{m.Loss}, m.Z...)
	results = append(results, m.P...)
	if n.readsY {
		results = append(results, m.Y...)
	}
	for _, t := range m.Terms {
		results = append(results, t.Value)
	}
	return results
}

// load puts the training plan on a device.
func (n *network) load(d engine.Device, outputs []expr.Tensor, updates []engine.Update, sinks ...engine.Sink) (engine.Executable, error) {
	exe, err := load(d, n.stored, outputs, updates, sinks...)
	return exe, n.advised(err)
}

// advised is an error with advice on the batch, where the device's memory is too small for it.
func (n *network) advised(err error) error {
	var memory *engine.OutOfMemory
	if errors.As(err, &memory) {
		return fault.New(fault.Device, n.smaller(memory), "%w", err)
	}
	return err
}

// load compiles a plan and puts it on a device.
func load(d engine.Device, stored engine.Precision, outputs []expr.Tensor, updates []engine.Update, sinks ...engine.Sink) (engine.Executable, error) {
	plan, err := engine.CompileStep(stored, outputs, updates, sinks...)
	if err != nil {
		return nil, err
	}
	exe, err := d.Load(plan)
	if err != nil {
		return nil, fmt.Errorf("load the plan on %s: %w", d.Name(), err)
	}
	return exe, nil
}

// smaller is the advice to take a batch that fits. Parameters, with gradient and optimiser's state, need their memory whatever
// the batch; all else grows with it.
func (n *network) smaller(m *engine.OutOfMemory) string {
	fixed := 0
	for _, p := range n.model.Params {
		fixed += paramBytes * len(n.values[p.Name])
	}
	if m.Free >= m.Needed { // in pieces
		return "lower train.batch, or end what else uses the GPU"
	}
	if fixed >= m.Free || m.Needed <= fixed {
		return "choose a smaller backbone or head, or a GPU with more memory"
	}
	fits := int(float64(n.spec.Batch) * float64(m.Free-fixed) / float64(m.Needed-fixed))
	if fits -= fits % batchStep; fits < 2 {
		return "choose a smaller backbone or smaller images, or a GPU with more memory"
	}
	return fmt.Sprintf("a batch of %d should fit: --batch %d, or end what else uses the GPU", fits, fits)
}

const (
	paramBytes = 16 // of one trained number: value, gradient, two slots of the optimiser
	batchStep  = 8  // to which advice on the batch is rounded down
)

// updateBuffers moves batch norm's running statistics towards the batch's, unless the device has done it.
func (n *network) updateBuffers() {
	if n.held != nil {
		return
	}
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
