package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"unicode/utf8"

	codec "github.com/nlpodyssey/safetensors"

	"github.com/sslctl/sslctl/core/durable"
)

// metadataKey is the header's entry that holds strings; no tensor can have this name.
const metadataKey = "__metadata__"

// Write replaces the file at path atomically and durably. The bytes depend on the content alone.
func Write(path string, tensors map[string]Tensor, meta map[string]string) error {
	return durable.Write(path, func(w io.Writer) error { return Encode(w, tensors, meta) })
}

// Encode writes tensors and metadata to w, one tensor in memory at a time. Tensors are sorted by descending
// width of their type, then by name: what Python's safetensors does, so that data is aligned.
func Encode(w io.Writer, tensors map[string]Tensor, meta map[string]string) error {
	views := make(map[string]view, len(tensors))
	for name, t := range tensors {
		if name == metadataKey || !utf8.ValidString(name) {
			return fmt.Errorf("encode safetensors: %q cannot be the name of a tensor", name)
		}
		v, err := newView(t)
		if err != nil {
			return fmt.Errorf("encode tensor %q: %w", name, err)
		}
		views[name] = v
	}
	if err := codec.SerializeToWriter(views, meta, w); err != nil {
		return fmt.Errorf("encode safetensors: %w", err)
	}
	return nil
}

// view shows a tensor to the codec. Its bytes are made when asked for.
type view struct {
	Tensor
	dtype codec.DType
	shape []uint64
	count int
}

func newView(t Tensor) (view, error) {
	v := view{Tensor: t, shape: make([]uint64, len(t.Shape))}
	used := 0
	for _, s := range []struct {
		there bool
		dtype codec.DType
		n     int
	}{{t.F32 != nil, codec.F32, len(t.F32)}, {t.I64 != nil, codec.I64, len(t.I64)}, {t.U64 != nil, codec.U64, len(t.U64)}} {
		if s.there {
			v.dtype, v.count = s.dtype, s.n
			used++
		}
	}
	if used != 1 {
		return view{}, fmt.Errorf("%d of its slices are set, want one", used)
	}
	n := 1
	for i, d := range t.Shape {
		if d < 0 {
			return view{}, fmt.Errorf("shape %v has a negative dimension", t.Shape)
		}
		v.shape[i] = uint64(d)
		n *= d
	}
	if n != v.count {
		return view{}, fmt.Errorf("shape %v holds %d elements, the slice %d", t.Shape, n, v.count)
	}
	return v, nil
}

func (v view) DType() codec.DType { return v.dtype }
func (v view) Shape() []uint64    { return v.shape }
func (v view) DataLen() uint64    { return uint64(v.count) * v.dtype.Size() }

func (v view) Data() []byte {
	out := make([]byte, 0, v.DataLen())
	le := binary.LittleEndian
	for _, x := range v.F32 {
		out = le.AppendUint32(out, math.Float32bits(x))
	}
	for _, x := range v.I64 {
		out = le.AppendUint64(out, uint64(x))
	}
	for _, x := range v.U64 {
		out = le.AppendUint64(out, x)
	}
	return out
}
