package cuda

import (
	"fmt"
	"unsafe"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/engine/cuda/views"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/sdk/expr"
)

// viewMaker fills an input with augmented views, which the device makes of images as bytes.
type viewMaker struct {
	maker     *views.Maker
	functions []*drv.Function     // of its launches
	buffers   []drv.Ptr           // of its launches' arguments; the last is the input's upload buffer
	pinned    [hostBuffers][]byte // on the way from a parcel
	parcel    *Parcel             // of the next run
}

// hostBuffers is the number of buffers that a parcel fills: the first.
const hostBuffers = int(views.Weights) + 1

// Parcel is a batch's images with what is drawn for each view, in the host's memory. Its content is read by the Stage or Start
// after Send.
type Parcel struct {
	maker *views.Maker
	host  views.Host
	parts [hostBuffers][]byte // the same memory
}

// Put takes image j of the batch; the draws of its views are those of the key. Several images may be put at once.
func (p *Parcel) Put(j int, img augment.Image, k augment.Key) error {
	return p.maker.Put(p.host, j, img, k)
}

// MakeViews lets the device make an input [views*batch, size, size, channels], one view a pipeline, from parcels of images of at
// most height x width pixels. The numbers are those of package augment. Send then takes the place of Bind; parcel makes room
// for a batch.
func (e *Executable) MakeViews(t expr.Tensor, pipelines []*augment.Pipeline, batch, height, width int) (parcel func() *Parcel, err error) {
	id, err := e.plan.Slot(t, t.Shape().TotalSize(), false)
	if err != nil {
		return nil, fmt.Errorf("make views: %w", err)
	}
	maker, err := views.New(pipelines, batch, height, width)
	if err != nil {
		return nil, err
	}
	if bytes := maker.Bytes()[views.Out]; bytes != e.plan.Values[id].Bytes() {
		return nil, fmt.Errorf("make views: %d bytes for an input of shape %v", bytes, t.Shape())
	}
	v := &viewMaker{maker: maker}
	if err := e.device.attached(func() error { return e.equip(v) }); err != nil {
		return nil, err
	}
	e.inputs[id].views, e.inputs[id].upload = v, v.buffers[views.Out]
	return func() *Parcel { return newParcel(maker) }, nil
}

// equip compiles the kernels and allocates what they need.
func (e *Executable) equip(v *viewMaker) error {
	m, err := e.device.module(views.Source)
	if err != nil {
		return err
	}
	for _, c := range v.maker.Calls() {
		f, err := m.Function(c.Kernel)
		if err != nil {
			return err
		}
		v.functions = append(v.functions, f)
	}
	for number, bytes := range v.maker.Bytes() {
		p, err := e.reserve(bytes)
		if err != nil {
			return err
		}
		v.buffers = append(v.buffers, p)
		if number < hostBuffers {
			if v.pinned[number], err = e.pin(bytes); err != nil {
				return err
			}
		}
	}
	return nil
}

func newParcel(m *views.Maker) *Parcel {
	sizes := m.Bytes()
	p := &Parcel{maker: m}
	p.host.Images, p.host.Weights = make([]byte, sizes[views.Images]), make([]float32, sizes[views.Weights]/4)
	words := make([]uint64, (sizes[views.Records]+7)/8) // aligned to 8 bytes
	p.host.Records = unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), sizes[views.Records])
	p.parts = [hostBuffers][]byte{views.Images: p.host.Images, views.Records: p.host.Records, views.Weights: bytesOf(p.host.Weights)}
	return p
}

// Send gives the next run its images.
func (e *Executable) Send(t expr.Tensor, p *Parcel) error {
	id, ok := e.plan.Find(t)
	if !ok || e.inputs[id] == nil || e.inputs[id].views == nil || e.inputs[id].views.maker != p.maker {
		return fmt.Errorf("send images: the parcel is not for this tensor of shape %v", t.Shape())
	}
	e.inputs[id].views.parcel, e.staged = p, false
	return nil
}

// stageViews copies a parcel to the device and lets it make the views, beside the run that is under way.
func (e *Executable) stageViews(v *viewMaker, s *drv.Stream) error {
	for number, part := range v.parcel.parts {
		copy(v.pinned[number], part)
		if err := s.CopyIn(v.buffers[number], v.pinned[number]); err != nil {
			return err
		}
	}
	for i, c := range v.maker.Calls() {
		if err := s.Launch(v.functions[i], e.resolve(c, v.buffers)); err != nil {
			return err
		}
	}
	return nil
}
