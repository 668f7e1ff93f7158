package train

import (
	"context"
	"fmt"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/sdk/expr"
)

// evalBatch is the number of images that evaluation passes through the network at a time.
const evalBatch = 256

// Features are representations of a data set, with labels.
type Features struct {
	Y      []float32 // [n, Dim], the backbone's output
	Z      []float32 // [n, Width], the projector's; nil for pixels
	Dim    int
	Width  int
	Labels []int
}

// Len is the number of images.
func (f Features) Len() int { return len(f.Labels) }

// extractor makes representations with the weights of a network, batch norm in evaluation mode.
type extractor struct {
	eval *model.Eval
	exe  engine.Executable
}

func newExtractor(d engine.Device, spec model.Spec, values map[string][]float32) (*extractor, error) {
	eval, err := model.BuildEval(spec, evalBatch)
	if err != nil {
		return nil, err
	}
	exe, err := load(d, engine.FP32, []expr.Tensor{eval.Y, eval.Z}, nil)
	if err != nil {
		return nil, err
	}
	bind := func(t expr.Tensor, name string) error {
		v, ok := values[name]
		if !ok {
			return fmt.Errorf("evaluation: %s has no value", name)
		}
		return exe.Hold(t, v)
	}
	for _, p := range eval.Params {
		if err := bind(p.Tensor, p.Name); err != nil {
			return nil, err
		}
	}
	for _, b := range eval.Buffers {
		if err := bind(b.Tensor, b.Name); err != nil {
			return nil, err
		}
	}
	return &extractor{eval, exe}, nil
}

// extract passes a data set through the network.
func (e *extractor) extract(ctx context.Context, ds data.Dataset, plain *augment.Pipeline, tell func(done, total int)) (Features, error) {
	f := Features{Dim: e.eval.Y.Dim(1), Width: e.eval.Z.Dim(1)}
	for b, err := range data.Plain(ctx, ds, plain, data.PlainOptions{Batch: evalBatch}) {
		if err != nil {
			return f, err
		}
		if err := e.exe.Bind(e.eval.Pixels, b.Pixels); err != nil {
			return f, err
		}
		if err := e.exe.Run(ctx); err != nil {
			return f, err
		}
		f.Y = append(f.Y, e.exe.Read(e.eval.Y)[:b.Valid*f.Dim]...)
		f.Z = append(f.Z, e.exe.Read(e.eval.Z)[:b.Valid*f.Width]...)
		f.Labels = append(f.Labels, b.Labels[:b.Valid]...)
		tell(len(f.Labels), ds.Len())
	}
	return f, nil
}

// pixels are the images themselves as features, normalised and flattened.
func pixels(ctx context.Context, ds data.Dataset, plain *augment.Pipeline) (Features, error) {
	f := Features{Dim: plain.Len()}
	for b, err := range data.Plain(ctx, ds, plain, data.PlainOptions{Batch: evalBatch}) {
		if err != nil {
			return f, err
		}
		f.Y = append(f.Y, b.Pixels[:b.Valid*f.Dim]...)
		f.Labels = append(f.Labels, b.Labels[:b.Valid]...)
	}
	return f, nil
}
