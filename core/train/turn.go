package train

import (
	"context"
	"slices"

	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda"
)

// turn is a batch that the network is about to take.
type turn struct {
	labels []int
	batch  *data.Batch // nil where the device has a copy of its pixels
	err    error       // in place of a batch
}

func (u turn) release() {
	if u.batch != nil {
		u.batch.Release()
	}
}

// turn fetches and binds the batch of step k. A device that works while the host goes on gets it at once.
func (t *trainer) turn(ctx context.Context, k int) turn {
	batch, err := t.loader.Next(ctx)
	if err != nil {
		return turn{err: err}
	}
	t.opt.prepare(k)
	u := turn{labels: batch.Labels, batch: batch}
	if u.err = t.bindBatch(batch); u.err != nil {
		return u
	}
	if p, ok := t.net.exe.(engine.Pipelined); ok {
		u.err = p.Stage()
		u.labels, u.batch = slices.Clone(batch.Labels), nil
		batch.Release()
	}
	return u
}

// bindBatch gives the network the batch's pixels, or the device the images of which it makes them.
func (t *trainer) bindBatch(b *data.Batch) error {
	if parcel, ok := b.Parcel.(*cuda.Parcel); ok {
		return t.net.exe.(*cuda.Executable).Send(t.net.model.Pixels, parcel)
	}
	return t.net.advised(t.net.exe.Bind(t.net.model.Pixels, b.Pixels))
}

// take is the batch of the current step, which may have been fetched before.
func (t *trainer) take(ctx context.Context) turn {
	if u := t.ahead; u != nil {
		t.ahead = nil
		return *u
	}
	return t.turn(ctx, t.step)
}

// forwardBackward computes the step. While a device works that needs no host, the online probe learns from the step before, and
// the next batch is fetched and staged; what goes wrong with that concerns the next step.
func (t *trainer) forwardBackward(ctx context.Context) error {
	p, ok := t.net.exe.(engine.Pipelined)
	if !ok {
		return t.net.exe.Run(ctx)
	}
	if err := p.Start(ctx); err != nil {
		return err
	}
	t.catchUp()
	if next := t.step + 1; next < t.total {
		u := t.turn(ctx, next)
		t.ahead = &u
	}
	return p.Wait()
}
