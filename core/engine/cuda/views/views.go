// Package views makes the augmented views of a batch on the GPU: kernels that give the bits of package augment, with the draws
// that its pipelines make. Images go up as bytes, once for all their views; what is drawn for a view is a record beside them.
//
// A [Maker] says what memory it needs, fills the host's part for each batch with [Maker.Put], and lists the launches, which are
// the same for every batch, so that a graph can hold them. It knows no driver.
package views

import (
	_ "embed"
	"fmt"
	"math"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
)

// Source is the text to compile.
//
//go:embed views.cu
var Source string

// The buffers of a maker, by the numbers that stand for them in launches. The host fills the first three.
const (
	Images  kernels.Scratch = iota // the batch, a slot an image
	Records                        // what is done to each image for each view
	Weights                        // of blurs, float32
	spans
	coefficients
	rows
	planes
	Out // the views, float32: [view, image, row, column, channel]
	buffers
)

// Maker makes the views of batches, one for each pipeline. It is immutable.
type Maker struct {
	pipelines []*augment.Pipeline
	batch     int
	height    int // of the largest image
	width     int
	size      int // of a view
	channels  int
	taps      int // entries of a resize's filter at most
	entries   int // of a blur's weights at most
}

// maxRecords is the largest extent of a grid along y.
const maxRecords = 65535

// New makes a maker for batches of images of at most height x width pixels. Views must be of one size and number of channels.
func New(pipelines []*augment.Pipeline, batch, height, width int) (*Maker, error) {
	if len(pipelines) == 0 || batch < 1 || height < 1 || width < 1 {
		return nil, fmt.Errorf("views: %d views of %d images of %d x %d pixels: need at least one of each", len(pipelines), batch, height, width)
	}
	if n := len(pipelines) * batch; n > maxRecords {
		return nil, fmt.Errorf("views: %d views of a batch of %d are more than %d together", len(pipelines), batch, maxRecords)
	}
	first := pipelines[0].Recipe()
	m := &Maker{pipelines: pipelines, batch: batch, height: height, width: width, size: first.Size, channels: pipelines[0].Channels(),
		entries: first.KernelSize()/2 + 1}
	for i, p := range pipelines[1:] {
		if p.Recipe().Size != m.size || p.Channels() != m.channels {
			return nil, fmt.Errorf("views: view 0 is %d pixels of %d channels, view %d is %d of %d", m.size, m.channels, i+1, p.Recipe().Size, p.Channels())
		}
	}
	stretch := max(1, float64(max(height, width))/float64(m.size))
	m.taps = 2*int(math.Ceil(2*stretch)) + 1
	return m, nil
}

// Bytes are the sizes of the buffers, by number.
func (m *Maker) Bytes() []int {
	n := len(m.pipelines) * m.batch
	area := m.size * m.size * m.channels
	sizes := make([]int, buffers)
	sizes[Images] = m.batch * m.slot()
	sizes[Records] = n * recordBytes
	sizes[Weights] = 4 * n * m.entries
	sizes[spans] = 4 * n * 2 * m.size * 2
	sizes[coefficients] = 4 * n * 2 * m.size * m.taps
	sizes[rows] = n * m.channels * m.height * m.size
	sizes[planes] = n * area
	sizes[Out] = 4 * n * area
	return sizes
}

// slot is the size of an image's place, in bytes.
func (m *Maker) slot() int { return m.height * m.width * m.channels }

// Calls are the launches that turn what the host has filled into views.
func (m *Maker) Calls() []kernels.Call {
	n := uint32(len(m.pipelines) * m.batch)
	size, channels, height, taps := kernels.Int32(m.size), kernels.Int32(m.channels), kernels.Int32(m.height), kernels.Int32(m.taps)
	blocks := func(elements, threads int) uint32 { return uint32((elements + threads - 1) / threads) }
	return []kernels.Call{
		{Kernel: "filters", Grid: kernels.Extent{blocks(m.size, 64), n, 2}, Block: kernels.Extent{64, 1, 1},
			Args: []kernels.Arg{spans, coefficients, Records, size, taps}},
		{Kernel: "narrow", Grid: kernels.Extent{blocks(m.height*m.size, 256), n, 1}, Block: kernels.Extent{256, 1, 1},
			Args: []kernels.Arg{rows, Images, spans, coefficients, Records, size, channels, height, taps}},
		{Kernel: "combine", Grid: kernels.Extent{blocks(m.size*m.size, 256), n, 1}, Block: kernels.Extent{256, 1, 1},
			Args: []kernels.Arg{planes, rows, spans, coefficients, size, channels, height, taps}},
		{Kernel: "colours", Grid: kernels.Extent{n, 1, 1}, Block: kernels.Extent{256, 1, 1},
			Args: []kernels.Arg{planes, Records, size, channels}},
		{Kernel: "finish", Grid: kernels.Extent{uint32(m.size), n, 1}, Block: kernels.Extent{128, 1, 1},
			Args: []kernels.Arg{Out, planes, Weights, Records, size, channels, kernels.Int32(m.entries)}},
	}
}
