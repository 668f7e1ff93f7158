package data

import (
	"sync/atomic"

	"github.com/sslctl/sslctl/augment"
)

// Batch is n images, each in V views of one size. The views lie one after the other, since the network takes them
// stacked: first view 0 of all images, then view 1.
type Batch struct {
	Epoch  int         // from 0
	Step   int         // number of the batch since the beginning of training, from 0
	Pixels []float32   // [V*n, h, w, c]: all views
	Views  [][]float32 // of each view its part of Pixels, [n, h, w, c]
	Parcel Parcel      // in place of pixels, where the loader makes no views
	Index  []int       // of each image its number in the dataset; -1 for padding
	Labels []int       // of each image its class; -1 for padding and without labels
	Valid  int         // images that are not padding; they come first

	owner *feed
	held  atomic.Bool   // handed out and not released
	left  atomic.Int32  // images that are not ready
	ready chan struct{} // holds one token when left has come to 0
	errs  []error       // of each image
}

// Release gives the batch back to whom it came from, which fills it anew; its slices must not be used after it.
// A loader makes one batch more than it prefetches: who keeps batches without releasing them waits in vain for
// the next. A second release of the same batch panics.
func (b *Batch) Release() {
	if !b.held.CompareAndSwap(true, false) {
		panic("data: batch released twice")
	}
	b.owner.free <- b
}

// newBatch makes room for n images of the given number of values in each of so many views.
func newBatch(owner *feed, n, views, values int) *Batch {
	b := &Batch{owner: owner, Pixels: make([]float32, views*n*values), Index: make([]int, n), Labels: make([]int, n),
		ready: make(chan struct{}, 1), errs: make([]error, n)}
	for v := range views {
		b.Views = append(b.Views, b.Pixels[v*n*values:(v+1)*n*values:(v+1)*n*values])
	}
	return b
}

// view is where view v of image j is written.
func (b *Batch) view(v, j int) []float32 {
	values := len(b.Views[v]) / len(b.Index)
	return b.Views[v][j*values : (j+1)*values : (j+1)*values]
}

// err is the error of the first image, in the batch's order, that has one.
func (b *Batch) err() error {
	for _, err := range b.errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// drawer writes the views of one image.
type drawer func(b *Batch, j int, img augment.Image, s *augment.Scratch)
