// Package library lets cuDNN and cublasLt compute the convolutions and products of a plan.
//
// A device opens what there is of the two with [Open] and asks [Libraries.Plan] for each plan that it loads. The [Plan] says
// which instructions it computes; all others, and all of them where a library is missing, are the business of the device's own
// kernels. [Plan.Prepare] allocates memory and chooses algorithms once the plan's values have their places, and [Plan.Enqueue]
// puts an instruction on the stream, alone or while a graph is captured.
//
// Products are cublasLt's, with a bias that follows computed on the way; so are pointwise convolutions, which are products of
// [n*h*w, c] and [c, k]. All other convolutions are cuDNN's. It wants weights as [k, r, s, c] where the plan has
// [r, s, c, k], and knows no strides for them: so each is transposed once a run, before its first use, and forward and backward
// share the copy. With bfloat16 storage weights have to be rounded once a run in any case, and the one kernel does both. A
// weight is small beside the images that pass it: the copies of all of ResNet-50's 23 million move 0.14 GB a run in
// bfloat16, the results of its convolutions a hundred times as much at 256 images in two views.
//
// Only algorithms that add in a fixed order are taken. Which one cuDNN should use is measured once for each problem, GPU and
// version of the library, and kept in a file; see [Libraries.Plan].
package library

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sslctl/sslctl/core/internal/cuda/cublaslt"
	"github.com/sslctl/sslctl/core/internal/cuda/cudnn"
	"github.com/sslctl/sslctl/core/internal/cuda/dl"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// Options say how the libraries compute.
type Options struct {
	// TF32 lets float32 operands be rounded to 10 bits of mantissa, so that they use tensor cores. Without it nothing is
	// rounded before it is multiplied.
	TF32 bool
	// GPU names the device: what is quick on one need not be on another.
	GPU string
	// Cache is the file of algorithms that were chosen before; "" for none.
	Cache string
}

// Libraries are cuDNN and cublasLt on a device's stream. They belong to the thread that holds the device's context.
type Libraries struct {
	options  Options
	context  *drv.Context
	stream   *drv.Stream
	products *cublaslt.Handle // nil where missing
	images   *cudnn.Handle    // nil where missing
	notes    []error
	chosen   *choices
}

// Open opens what there is of the libraries for work on a stream. What is missing or refuses to start is no error, since a
// device has kernels of its own: Notes says what and why.
func Open(search dl.Search, context *drv.Context, stream *drv.Stream, o Options) *Libraries {
	l := &Libraries{options: o, context: context, stream: stream}
	var err error
	if l.products, err = openProducts(search, context); err != nil {
		l.note(fmt.Errorf("products by this program's own kernels: %w", err))
	}
	version := 0
	if l.images, version, err = openImages(search, stream); err != nil {
		l.note(fmt.Errorf("convolutions by this program's own kernels: %w", err))
	}
	l.chosen = readChoices(o.Cache, o.GPU, version)
	return l
}

func openProducts(search dl.Search, context *drv.Context) (*cublaslt.Handle, error) {
	newest, _ := context.Driver().Version()
	lib, err := cublaslt.Open(search, newest)
	if err != nil {
		return nil, err
	}
	return lib.Handle()
}

func openImages(search dl.Search, stream *drv.Stream) (*cudnn.Handle, int, error) {
	lib, err := cudnn.Open(search)
	if err != nil {
		return nil, 0, err
	}
	version, err := lib.Version()
	if err != nil {
		return nil, 0, err
	}
	h, err := lib.Handle(stream)
	return h, version, err
}

// Notes lists what is slower than it could be, with the reasons: a library that is not used, an instruction that one has no code
// for, algorithms that could not be measured or kept. A user should hear of each once: plans add to the list.
func (l *Libraries) Notes() []error { return l.notes }

// note adds a note that is not there yet.
func (l *Libraries) note(err error) {
	if !slices.ContainsFunc(l.notes, func(known error) bool { return known.Error() == err.Error() }) {
		l.notes = append(l.notes, err)
	}
}

// Close frees the libraries; their plans must be closed before.
func (l *Libraries) Close() error {
	var errs []error
	if l.products != nil {
		errs = append(errs, l.products.Close())
	}
	if l.images != nil {
		errs = append(errs, l.images.Close())
	}
	return errors.Join(errs...)
}
