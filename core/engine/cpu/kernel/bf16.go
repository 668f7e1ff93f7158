package kernel

import (
	"math"
	"unsafe"
)

// BF16 is a number in bfloat16: the upper half of a float32, with its range and 8 bits of significance. Kernels compute in
// float32; bfloat16 is a way to store tensors in half the memory.
type BF16 uint16

// Number is a number of a tensor as it is stored.
type Number interface{ float32 | BF16 }

// halfBytes is the size of a BF16.
const halfBytes = int(unsafe.Sizeof(BF16(0)))

// Float is the number, exactly.
func (b BF16) Float() float32 { return math.Float32frombits(uint32(b) << 16) }

// Round is the bfloat16 number nearest to f; of two, the one whose last bit is zero. NaN stays NaN.
func Round(f float32) BF16 {
	b := math.Float32bits(f)
	if f != f {
		return BF16(b>>16 | 1<<6) // quiet, and not rounded to infinity
	}
	return BF16((b + 0x7fff + b>>16&1) >> 16)
}

// ViewBF16 is memory for n bfloat16 numbers in that of (n+1)/2 float32s.
func ViewBF16(memory []float32, n int) []BF16 {
	if n == 0 {
		return nil
	}
	_ = memory[(n-1)/2]
	return unsafe.Slice((*BF16)(unsafe.Pointer(unsafe.SliceData(memory))), n)
}

// Widen sets dst to the numbers of src.
func (i ISA) Widen(dst []float32, src []BF16) {
	src = src[:len(dst)]
	n := i.widenFast(dst, src)
	for k := n; k < len(dst); k++ {
		dst[k] = src[k].Float()
	}
}

// Narrow sets dst to the numbers of src, rounded.
func (i ISA) Narrow(dst []BF16, src []float32) {
	src = src[:len(dst)]
	n := i.narrowFast(dst, src)
	for k := n; k < len(dst); k++ {
		dst[k] = Round(src[k])
	}
}
