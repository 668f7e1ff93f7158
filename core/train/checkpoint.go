package train

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/core/safetensors"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// optimiserPrefix opens the names of the optimiser's state in a checkpoint; parameters and buffers stand under their own.
const optimiserPrefix = "optimizer."

// onlinePrefix opens the names of the online probe's state.
const onlinePrefix = "online_probe."

// metaConfig names the configuration's hash in a checkpoint.
const metaConfig = "config"

// save writes the state after the current step: parameters and buffers under PyTorch's names in PyTorch's layout, and the
// optimiser's state. Data order and augmentation are functions of the step and need none. Weights that are not finite are
// not saved: the error then is that of a diverged run, and the checkpoints before stay.
func (t *trainer) save() error {
	t.catchUp()
	// Whatever ended the run: its state is wanted.
	if err := t.net.exe.Fetch(context.Background()); err != nil {
		return fmt.Errorf("save the state: %w", err)
	}
	for _, p := range t.net.model.Params {
		if i := slices.IndexFunc(t.net.values[p.Name], notFinite); i >= 0 {
			return t.diverged("parameter %s holds %v after step %d", p.Name, t.net.values[p.Name][i], t.step)
		}
	}
	tensors := map[string]safetensors.Tensor{}
	for _, p := range t.net.model.Params {
		tensors[p.Name] = safetensors.Floats(model.ToTorch(p.Param, t.net.values[p.Name]), model.TorchShape(p.Param)...)
	}
	for _, b := range t.net.model.Buffers {
		tensors[b.Name] = safetensors.Floats(slices.Clone(t.net.values[b.Name]), b.Shape...)
	}
	for name, state := range t.opt.rule.State() {
		tensors[optimiserPrefix+name] = safetensors.Floats(slices.Clone(state), len(state))
	}
	if t.online != nil {
		for name, state := range t.online.State() {
			tensors[onlinePrefix+name] = safetensors.Floats(slices.Clone(state), len(state))
		}
	}
	return t.job.Folder.SaveCheckpoint(t.step, tensors, map[string]string{metaConfig: t.job.Config.Hash()})
}

func notFinite(v float32) bool { return v-v != 0 }

// restore is the inverse of save.
func (t *trainer) restore(c *run.Checkpoint) error {
	if got, want := c.Meta[metaConfig], t.job.Config.Hash(); got != want {
		return fmt.Errorf("the checkpoint belongs to configuration %.12s, the run has %.12s", got, want)
	}
	params := make([]nn.Param, len(t.net.model.Params))
	for i, p := range t.net.model.Params {
		params[i] = p.Param
	}
	if err := readValues(t.net.values, params, t.net.model.Buffers, c.Tensors); err != nil {
		return err
	}
	if err := t.opt.rule.Load(under(optimiserPrefix, c.Tensors)); err != nil {
		return err
	}
	if t.online != nil {
		if err := t.online.Load(under(onlinePrefix, c.Tensors)); err != nil {
			return err
		}
	}
	t.step = c.Step
	t.loader.Seek(c.Step)
	return t.net.hold()
}

// under are the tensors whose names open with a prefix, by the rest of their names.
func under(prefix string, tensors map[string]safetensors.Tensor) map[string][]float32 {
	out := map[string][]float32{}
	for name, tensor := range tensors {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			out[rest] = tensor.F32
		}
	}
	return out
}

// readValues fills parameters and buffers, in place, from a file's tensors.
func readValues(values map[string][]float32, params []nn.Param, buffers []nn.Buffer, tensors map[string]safetensors.Tensor) error {
	for _, p := range params {
		tensor, ok := tensors[p.Name]
		if !ok {
			return fmt.Errorf("parameter %s is missing", p.Name)
		}
		ours, err := model.FromTorch(p, tensor.Shape, tensor.F32)
		if err != nil {
			return err
		}
		copy(values[p.Name], ours)
	}
	for _, b := range buffers {
		tensor, ok := tensors[b.Name]
		if !ok || len(tensor.F32) != len(values[b.Name]) {
			return fmt.Errorf("buffer %s is missing or has another size", b.Name)
		}
		copy(values[b.Name], tensor.F32)
	}
	return nil
}
