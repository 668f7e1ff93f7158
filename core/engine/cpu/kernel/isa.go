package kernel

import "fmt"

// ISA names the instruction set that kernels run on. Its methods are the serial vector kernels.
type ISA uint8

// The instruction sets, slowest first.
const (
	Plain  ISA = iota // Go code, any machine
	AVX2              // 256-bit vectors and FMA
	AVX512            // 512-bit vectors, masks (F, VL, DQ and BW)
)

// String returns the name as users write it.
func (i ISA) String() string {
	switch i {
	case Plain:
		return "plain"
	case AVX2:
		return "avx2"
	case AVX512:
		return "avx512"
	}
	return fmt.Sprintf("ISA(%d)", uint8(i))
}

// ISAs lists what this CPU can run, slowest first; the last one is what NewPool picks.
func ISAs() []ISA {
	list := []ISA{Plain}
	for _, i := range []ISA{AVX2, AVX512} {
		if i.supported() {
			list = append(list, i)
		}
	}
	return list
}

// lanes is the number of float32 values in one vector register (in the plain twin: in one unit of blocking).
func (i ISA) lanes() int {
	if i == AVX512 {
		return 16
	}
	return 8
}
