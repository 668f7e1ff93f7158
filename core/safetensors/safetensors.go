// Package safetensors reads and writes named tensors in the safetensors format, which Python's safetensors reads
// and writes too: an 8-byte little-endian header length, a JSON header, the raw little-endian data.
//
// Most callers need [Load] and [Write]. [Open] gives access to single tensors of a large file without reading
// the rest. The header codec is github.com/nlpodyssey/safetensors; this package adds what a trainer needs:
//
//   - a file is written atomically and its bytes depend on the content alone (tensors sorted by type, then name);
//   - a truncated or hostile file is a fault of code Data, never a panic, and no allocation is larger than a
//     constant times the size of the file;
//   - floating-point types arrive as float32, integers as int64 or uint64.
package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"

	codec "github.com/nlpodyssey/safetensors"

	"github.com/sslctl/sslctl/core/fault"
)

// maxHeader is the format's limit on the JSON header, the one that Python's reader applies.
const maxHeader = 100_000_000

// prefix is the length of the header length.
const prefix = 8

// Tensor is a dense row-major array. A scalar has an empty shape and one element. Exactly one of the slices is
// used: float32 for parameters, integers for counters.
type Tensor struct {
	Shape []int
	F32   []float32
	I64   []int64
	U64   []uint64
}

// Floats is a tensor of float32. It keeps v, which must hold the product of shape elements.
func Floats(v []float32, shape ...int) Tensor { return Tensor{Shape: shape, F32: v} }

// Ints is a tensor of int64.
func Ints(v []int64, shape ...int) Tensor { return Tensor{Shape: shape, I64: v} }

// Uints is a tensor of uint64.
func Uints(v []uint64, shape ...int) Tensor { return Tensor{Shape: shape, U64: v} }

// Info is what the header says of a tensor.
type Info struct {
	DType string // as in the file: "F32", "BF16", "I64"
	Shape []int
	Bytes int64 // length of its data

	dtype  codec.DType
	offset int64 // of its data in the file
}

// File is an open safetensors file. It is safe for concurrent reads.
type File struct {
	r       io.ReaderAt
	close   func() error
	path    string
	names   []string
	tensors map[string]Info
	meta    map[string]string
}

// Open reads and checks the header of the file at path. The caller closes the file.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		hint := "check the path and its permissions"
		if errors.Is(err, fs.ErrNotExist) {
			hint = "check the path: there is no such file"
		}
		return nil, fault.New(fault.Data, hint, "open safetensors: %w", err)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("measure %s: %w", path, err)
	}
	out, err := parse(f, size, path)
	if err != nil {
		f.Close()
		return nil, err
	}
	out.close = f.Close
	return out, nil
}

// Load reads all tensors and the metadata of the file at path.
func Load(path string) (map[string]Tensor, map[string]string, error) {
	f, err := Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	tensors, err := f.All()
	if err != nil {
		return nil, nil, err
	}
	return tensors, f.Metadata(), nil
}

// Names lists the tensors, sorted.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Metadata is the free-form map of strings in the header; empty where the file has none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.meta) }

// Info says type and shape of a tensor; ok is false where the file does not hold it.
func (f *File) Info(name string) (info Info, ok bool) {
	info, ok = f.tensors[name]
	info.Shape = slices.Clone(info.Shape)
	return info, ok
}

// All reads every tensor.
func (f *File) All() (map[string]Tensor, error) {
	out := make(map[string]Tensor, len(f.names))
	for _, name := range f.names {
		t, err := f.Read(name)
		if err != nil {
			return nil, err
		}
		out[name] = t
	}
	return out, nil
}

// Read reads one tensor. F16, BF16 and F64 become float32 (F64 rounded to nearest even), U64 stays, all other
// integers and BOOL become int64.
func (f *File) Read(name string) (Tensor, error) {
	info, ok := f.tensors[name]
	if !ok {
		return Tensor{}, fault.New(fault.Data, "the file was written for another network or by another version",
			"%s holds no tensor %q", f.path, name)
	}
	t := Tensor{Shape: slices.Clone(info.Shape)}
	if err := decode(&t, info.dtype, io.NewSectionReader(f.r, info.offset, info.Bytes), info.Bytes); err != nil {
		return Tensor{}, fmt.Errorf("read tensor %q of %s: %w", name, f.path, err)
	}
	return t, nil
}

// Close releases the file.
func (f *File) Close() error {
	if f.close == nil {
		return nil
	}
	return f.close()
}

// parse reads the header of a file of the given size and checks that the tensors fill the rest exactly, without
// holes or overlaps, as the format demands.
func parse(r io.ReaderAt, size int64, path string) (*File, error) {
	corrupt := func(format string, args ...any) error {
		return fault.New(fault.Data, "the file is damaged or is no safetensors file; get it again or use another",
			"%s: %w", path, fmt.Errorf(format, args...))
	}
	if size < prefix {
		return nil, corrupt("%d bytes are too few for a header", size)
	}
	var length [prefix]byte
	if _, err := r.ReadAt(length[:], 0); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader || n > uint64(size-prefix) {
		return nil, corrupt("header of %d bytes in a file of %d", n, size)
	}
	header := make([]byte, n)
	if _, err := r.ReadAt(header, prefix); err != nil && err != io.EOF {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	var md codec.Metadata
	if err := json.Unmarshal(header, &md); err != nil {
		return nil, corrupt("header: %w", err)
	}
	f := &File{r: r, path: path, tensors: make(map[string]Info), meta: md.Metadata()}
	if f.meta == nil {
		f.meta = map[string]string{}
	}
	data := prefix + int64(n)
	for name, t := range md.Tensors() {
		info, err := describe(t, size-data)
		if err != nil {
			return nil, corrupt("tensor %q: %w", name, err)
		}
		info.offset += data
		f.tensors[name] = info
		f.names = append(f.names, name)
	}
	slices.Sort(f.names)
	if err := checkLayout(f.tensors, data, size); err != nil {
		return nil, corrupt("%w", err)
	}
	return f, nil
}

// describe converts and checks one entry of the header; limit is the length of the data section.
func describe(t *codec.TensorInfo, limit int64) (Info, error) {
	begin, end := t.DataOffsets[0], t.DataOffsets[1]
	if begin > end || end > uint64(limit) {
		return Info{}, fmt.Errorf("data [%d, %d) lies outside the file's %d bytes", begin, end, limit)
	}
	want, shape := t.DType.Size(), make([]int, len(t.Shape))
	empty := slices.Contains(t.Shape, 0)
	for i, d := range t.Shape {
		if d > math.MaxInt32 {
			return Info{}, fmt.Errorf("dimension of %d elements", d)
		}
		shape[i] = int(d)
		if !empty && want > uint64(limit)/d {
			return Info{}, fmt.Errorf("shape %v needs more than the file's %d bytes", t.Shape, limit)
		}
		want *= d
	}
	if empty {
		want = 0
	}
	if end-begin != want {
		return Info{}, fmt.Errorf("shape %v of %s needs %d bytes, the header gives %d", t.Shape, t.DType, want, end-begin)
	}
	return Info{DType: t.DType.String(), Shape: shape, Bytes: int64(want), dtype: t.DType, offset: int64(begin)}, nil
}

// checkLayout demands that the tensors fill [begin, end) without holes or overlaps.
func checkLayout(tensors map[string]Info, begin, end int64) error {
	byOffset := slices.SortedFunc(maps.Values(tensors), func(a, b Info) int {
		if a.offset != b.offset {
			return int(min(max(a.offset-b.offset, -1), 1))
		}
		return int(min(max(a.Bytes-b.Bytes, -1), 1))
	})
	at := begin
	for _, t := range byOffset {
		if t.offset != at {
			return fmt.Errorf("data of the tensors overlaps or has a hole at byte %d", at)
		}
		at += t.Bytes
	}
	if at != end {
		return fmt.Errorf("tensors end at byte %d, the file at %d", at, end)
	}
	return nil
}
