package safetensors

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	codec "github.com/nlpodyssey/safetensors"
)

// chunk is how much is read at a time; a multiple of every element's size.
const chunk = 64 << 10

// decode fills one slice of t with the n bytes of r. The slice is never nil, so that an empty tensor keeps its type.
func decode(t *Tensor, d codec.DType, r io.Reader, n int64) error {
	count := n / int64(d.Size())
	switch d {
	case codec.F32, codec.F64, codec.F16, codec.BF16:
		t.F32 = make([]float32, count)
		return convert(t.F32, r, int(d.Size()), floatOf(d))
	case codec.U64:
		t.U64 = make([]uint64, count)
		return convert(t.U64, r, 8, binary.LittleEndian.Uint64)
	default:
		of, err := intOf(d)
		if err != nil {
			return err
		}
		t.I64 = make([]int64, count)
		return convert(t.I64, r, int(d.Size()), of)
	}
}

// convert reads len(dst) elements of size bytes each.
func convert[T any](dst []T, r io.Reader, size int, of func([]byte) T) error {
	buf := make([]byte, min(chunk, len(dst)*size))
	for len(dst) > 0 {
		b := buf[:min(len(buf), len(dst)*size)]
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		n := len(b) / size
		for i := range dst[:n] {
			dst[i] = of(b[i*size : (i+1)*size])
		}
		dst = dst[n:]
	}
	return nil
}

func floatOf(d codec.DType) func([]byte) float32 {
	le := binary.LittleEndian
	switch d {
	case codec.F64:
		return func(b []byte) float32 { return float32(math.Float64frombits(le.Uint64(b))) }
	case codec.F16:
		return func(b []byte) float32 { return half(le.Uint16(b)) }
	case codec.BF16: // the upper half of a float32
		return func(b []byte) float32 { return math.Float32frombits(uint32(le.Uint16(b)) << 16) }
	default:
		return func(b []byte) float32 { return math.Float32frombits(le.Uint32(b)) }
	}
}

func intOf(d codec.DType) (func([]byte) int64, error) {
	le := binary.LittleEndian
	switch d {
	case codec.BOOL, codec.U8:
		return func(b []byte) int64 { return int64(b[0]) }, nil
	case codec.I8:
		return func(b []byte) int64 { return int64(int8(b[0])) }, nil
	case codec.I16:
		return func(b []byte) int64 { return int64(int16(le.Uint16(b))) }, nil
	case codec.U16:
		return func(b []byte) int64 { return int64(le.Uint16(b)) }, nil
	case codec.I32:
		return func(b []byte) int64 { return int64(int32(le.Uint32(b))) }, nil
	case codec.U32:
		return func(b []byte) int64 { return int64(le.Uint32(b)) }, nil
	case codec.I64:
		return func(b []byte) int64 { return int64(le.Uint64(b)) }, nil
	}
	return nil, fmt.Errorf("type %s is not supported", d)
}

// half widens an IEEE 754 binary16: 1 sign bit, 5 exponent bits with bias 15, 10 fraction bits. Exact.
func half(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exp {
	case 0: // zero and subnormals: frac * 2^-24
		v := float32(frac) * 0x1p-24
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31: // infinities and NaN, whose payload is kept
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}
