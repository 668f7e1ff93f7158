package data

import (
	"context"
	"time"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/fault"
)

// DefaultPrefetch is the number of batches that a loader keeps ahead when LoaderOptions name none.
const DefaultPrefetch = 2

// LoaderOptions say how a loader batches. Only Batch and Seed have a part in what the batches hold.
type LoaderOptions struct {
	Batch    int // images in a batch
	Seed     uint64
	Workers  int // goroutines that decode and augment; 0 for one for each core
	Prefetch int // batches that are made ahead; 0 for DefaultPrefetch
	// Parcel makes room for a batch's images where a device makes the views: the loader then puts images there, and the
	// batches have no pixels. nil: the loader makes the views.
	Parcel func() Parcel
}

// Parcel is a batch's images on their way to a device that makes views of them. Put may be called for several images at once.
type Parcel interface {
	// Put takes image j of the batch, to be drawn with the key, whose View is each view's in turn.
	Put(j int, img augment.Image, k augment.Key) error
}

// Loader is an endless stream of training batches: epoch after epoch, each in a random order of its own that is a
// function of seed and epoch, without the images at the end of an epoch that fill no whole batch. Every image
// passes through one pipeline for each view, with augment.Key{seed, epoch, number in the dataset, view}.
//
// It starts its goroutines at the first Next and ends them at Close. Next, Seek and Close belong to one goroutine;
// Wait and Batch.Release may be called from any.
type Loader struct {
	feed  *feed
	views []*augment.Pipeline
	o     LoaderOptions
	steps int // in an epoch
	err   error

	epoch int // of the order in perm; -1 for none
	perm  []int
}

// NewLoader makes a loader of batches with one view for each pipeline. What is wrong with the arguments (no view,
// views of different sizes, more images in a batch than in the dataset) is the error of the first Next.
func NewLoader(ds Dataset, views []*augment.Pipeline, o LoaderOptions) *Loader {
	if o.Prefetch <= 0 {
		o.Prefetch = DefaultPrefetch
	}
	l := &Loader{views: views, o: o, epoch: -1, err: checkLoader(ds, views, o)}
	if l.err != nil {
		return l
	}
	l.steps = ds.Len() / o.Batch
	l.perm = make([]int, ds.Len())
	l.feed = newFeed(ds, o.Workers, o.Prefetch)
	l.feed.plan, l.feed.draw = l.plan, l.draw
	l.feed.make = func() *Batch {
		if o.Parcel == nil {
			return newBatch(l.feed, o.Batch, len(views), views[0].Len())
		}
		b := newBatch(l.feed, o.Batch, 0, 0)
		b.Parcel = o.Parcel()
		return b
	}
	return l
}

// checkLoader says what is wrong with the arguments of NewLoader.
func checkLoader(ds Dataset, views []*augment.Pipeline, o LoaderOptions) error {
	switch {
	case o.Batch < 1:
		return fault.New(fault.Usage, "", "batch size is %d, want at least 1", o.Batch)
	case o.Batch > ds.Len():
		return fault.New(fault.Usage, "take a smaller batch", "batch size %d exceeds the %d training images of %s", o.Batch, ds.Len(), ds.Name())
	case len(views) == 0:
		return fault.New(fault.Usage, "", "a loader needs at least one view")
	}
	for i, p := range views {
		if p.Channels() != ds.Channels() {
			return fault.New(fault.Usage, "", "view %d is for %d channels, the images of %s have %d", i, p.Channels(), ds.Name(), ds.Channels())
		}
		if p.Len() != views[0].Len() {
			return fault.New(fault.Usage, "give all views one size", "views 0 and %d differ in size: %d and %d values", i, views[0].Len(), p.Len())
		}
	}
	return nil
}

// StepsPerEpoch is the number of whole batches in the dataset; 0 where the arguments of NewLoader were wrong.
func (l *Loader) StepsPerEpoch() int { return l.steps }

// Next is the batch of the next step. It returns promptly with the context's error when the context ends, and the
// same batch comes at the next call. A corrupt image that is not skipped is an error with fault.Data; the call
// after it goes on with the next batch.
func (l *Loader) Next(ctx context.Context) (*Batch, error) {
	if l.err != nil {
		return nil, l.err
	}
	return l.feed.next(ctx)
}

// Seek has Next go on with the batch of the given step, the same as if all batches before it had been taken.
func (l *Loader) Seek(step int) {
	if l.err != nil {
		return
	}
	l.feed.halt()
	l.feed.step = step
}

// Wait is the time that all calls of Next together have waited for a batch.
func (l *Loader) Wait() time.Duration {
	if l.feed == nil {
		return 0
	}
	return time.Duration(l.feed.waited.Load())
}

// Close ends the loader's goroutines and returns when they have ended. Next then returns ErrClosed.
func (l *Loader) Close() {
	if l.feed != nil {
		l.feed.halt()
	}
	if l.err == nil {
		l.err = ErrClosed
	}
}

// plan chooses the images of a step. It runs on the planner's goroutine alone.
func (l *Loader) plan(b *Batch, step int) bool {
	b.Step, b.Epoch, b.Valid = step, step/l.steps, l.o.Batch
	if b.Epoch != l.epoch {
		permute(l.perm, l.o.Seed, streamEpoch, b.Epoch)
		l.epoch = b.Epoch
	}
	copy(b.Index, l.perm[step%l.steps*l.o.Batch:])
	return true
}

// draw makes the views of one image, or leaves them to the parcel.
func (l *Loader) draw(b *Batch, j int, img augment.Image, s *augment.Scratch) {
	if b.Parcel != nil {
		b.errs[j] = b.Parcel.Put(j, img, augment.Key{Seed: l.o.Seed, Epoch: b.Epoch, Index: b.Index[j]})
		return
	}
	for v, p := range l.views {
		p.Apply(b.view(v, j), img, augment.Key{Seed: l.o.Seed, Epoch: b.Epoch, Index: b.Index[j], View: v}, s)
	}
}
