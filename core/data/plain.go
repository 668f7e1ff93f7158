package data

import (
	"context"
	"iter"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/fault"
)

// PlainOptions say how Plain batches. Only Batch has a part in what the batches hold.
type PlainOptions struct {
	Batch   int // images in a batch
	Workers int // goroutines that decode and resize; 0 for one for each core
}

// Plain walks a dataset once, in its order, through augment.Pipeline.Eval, for evaluation. All batches have the same
// shape, for compiled programs want one: the last is padded, Batch.Valid says how many images it holds, the padding
// is all zeros with -1 for number and label.
//
// A batch is valid in the body of the loop only, and must not be released there: its buffers are filled again. The
// loop ends after the first error: that of the context, or of an image that cannot be read. All goroutines have
// ended when the loop has.
//
//	for b, err := range data.Plain(ctx, splits.Test, pipeline, data.PlainOptions{Batch: 256}) {
func Plain(ctx context.Context, ds Dataset, p *augment.Pipeline, o PlainOptions) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		if o.Batch < 1 || p.Channels() != ds.Channels() {
			yield(nil, fault.New(fault.Usage, "", "evaluate %s: batch size %d, pipeline of %d channels for images of %d",
				ds.Name(), o.Batch, p.Channels(), ds.Channels()))
			return
		}
		f := plainFeed(ds, p, o)
		defer f.halt()
		for {
			b, err := f.next(ctx)
			switch {
			case err != nil:
				yield(nil, err)
				return
			case b == nil || !yield(b, nil):
				return
			}
			b.Release()
		}
	}
}

// plainFeed fills batches of consecutive images.
func plainFeed(ds Dataset, p *augment.Pipeline, o PlainOptions) *feed {
	f := newFeed(ds, o.Workers, 1)
	f.make = func() *Batch { return newBatch(f, o.Batch, 1, p.Len()) }
	f.plan = func(b *Batch, step int) bool {
		b.Step, b.Valid = step, min(o.Batch, ds.Len()-step*o.Batch)
		if b.Valid <= 0 {
			return false
		}
		for j := range b.Index {
			b.Index[j], b.errs[j] = step*o.Batch+j, nil
			if j >= b.Valid {
				b.Index[j], b.Labels[j] = -1, -1
				clear(b.view(0, j))
			}
		}
		return true
	}
	f.draw = func(b *Batch, j int, img augment.Image, s *augment.Scratch) { p.Eval(b.view(0, j), img, s) }
	return f
}
