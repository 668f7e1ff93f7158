package data

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/panics"

	"github.com/sslctl/sslctl/augment"
)

// ErrClosed is returned by a loader that has been closed.
var ErrClosed = errors.New("loader is closed")

// feed fills batches in the background, in order, and hands them out in order. It is what a Loader and Plain have
// in common. One goroutine plans batches and hands out their images one by one, so that many workers share one
// batch and none holds a core for longer than an image takes.
type feed struct {
	ds      Dataset
	plan    func(b *Batch, step int) bool // sets Epoch, Step, Index and Valid; false after the last batch
	draw    drawer
	workers int
	buffers int // batches that may exist
	made    int
	make    func() *Batch

	free  chan *Batch // to be filled
	order chan *Batch // being filled or ready, in order; closed after the last
	tasks chan task
	head  *Batch // taken from order by a next that was cancelled

	step    int // of the batch that next returns
	stop    chan struct{}
	broken  chan struct{} // closed when a goroutine panicked
	failure atomic.Pointer[panics.Recovered]
	group   *conc.WaitGroup // nil when not running
	waited  atomic.Int64    // nanoseconds
}

// task is one image of a batch.
type task struct {
	b *Batch
	j int
}

// newFeed prepares a feed that keeps prefetch batches ahead of the one that its user holds.
func newFeed(ds Dataset, workers, prefetch int) *feed {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	f := &feed{ds: ds, workers: workers, buffers: prefetch + 1}
	f.free = make(chan *Batch, f.buffers)
	return f
}

// start launches planner and workers at the feed's step.
func (f *feed) start() {
	for ; f.made < f.buffers; f.made++ {
		f.free <- f.make()
	}
	f.order, f.tasks = make(chan *Batch, f.buffers), make(chan task)
	f.stop, f.broken = make(chan struct{}), make(chan struct{})
	f.failure.Store(nil)
	f.group = conc.NewWaitGroup()
	step := f.step
	f.spawn(func() { f.planAll(step) })
	for range f.workers {
		f.spawn(f.work)
	}
}

// spawn runs a goroutine whose panic breaks the feed instead of the program.
func (f *feed) spawn(run func()) {
	f.group.Go(func() {
		if r := panics.Try(run); r != nil && f.failure.CompareAndSwap(nil, r) {
			close(f.broken)
		}
	})
}

// planAll hands out the images of one batch after the other.
func (f *feed) planAll(step int) {
	defer close(f.tasks)
	for ; ; step++ {
		var b *Batch
		select {
		case b = <-f.free:
		case <-f.stop:
			return
		}
		if !f.plan(b, step) {
			f.free <- b
			close(f.order)
			return
		}
		b.left.Store(int32(b.Valid))
		f.order <- b // has room for every batch
		for j := range b.Valid {
			select {
			case f.tasks <- task{b, j}:
			case <-f.stop:
				return
			}
		}
	}
}

// work fills images until none is left.
func (f *feed) work() {
	var s augment.Scratch
	for t := range f.tasks {
		i := t.b.Index[t.j]
		img, err := f.ds.Image(i)
		t.b.Labels[t.j], t.b.errs[t.j] = f.ds.Label(i), err
		if err == nil {
			f.draw(t.b, t.j, img, &s)
		}
		if t.b.left.Add(-1) == 0 {
			t.b.ready <- struct{}{}
		}
	}
}

// next is the batch of the feed's step; nil after the last.
func (f *feed) next(ctx context.Context) (*Batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	began := time.Now()
	defer func() { f.waited.Add(int64(time.Since(began))) }()
	if f.group == nil {
		f.start()
	}
	if f.head == nil {
		b, err := f.await(ctx, f.order, nil)
		if b == nil {
			return nil, err
		}
		f.head = b
	}
	if _, err := f.await(ctx, nil, f.head.ready); err != nil {
		return nil, err
	}
	b := f.head
	f.head, f.step = nil, f.step+1
	b.held.Store(true)
	if err := b.err(); err != nil {
		err = fmt.Errorf("batch %d: %w", b.Step, err)
		b.Release()
		return nil, err
	}
	return b, nil
}

// await takes from one of the channels, unless the context ends or a goroutine panics first.
func (f *feed) await(ctx context.Context, batches <-chan *Batch, ready <-chan struct{}) (*Batch, error) {
	select {
	case b := <-batches:
		return b, nil
	case <-ready:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-f.broken:
		return nil, fmt.Errorf("load batch: %w", f.failure.Load().AsError())
	}
}

// halt stops planner and workers and takes back the batches that nobody holds.
func (f *feed) halt() {
	if f.group == nil {
		return
	}
	close(f.stop)
	f.group.Wait()
	f.group = nil
	if f.head != nil {
		f.reclaim(f.head)
		f.head = nil
	}
	for {
		select {
		case b := <-f.order:
			if b == nil { // closed after the last batch
				return
			}
			f.reclaim(b)
		default:
			return
		}
	}
}

// reclaim takes back a batch that was planned but not handed out.
func (f *feed) reclaim(b *Batch) {
	select {
	case <-b.ready:
	default:
	}
	f.free <- b
}
