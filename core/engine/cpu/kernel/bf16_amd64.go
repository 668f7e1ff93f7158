package kernel

import "golang.org/x/sys/cpu"

// rounds reports whether the CPU has an instruction that rounds to bfloat16, by which kernels read and write bfloat16
// themselves. Without, they work on blocks that are converted before and after.
func (i ISA) rounds() bool { return i == AVX512 && cpu.X86.HasAVX512BF16 }

// widenFast converts whole vectors and returns how many numbers that are.
func (i ISA) widenFast(dst []float32, src []BF16) int {
	n := len(dst) &^ (i.lanes() - 1)
	switch {
	case n == 0 || i == Plain:
		return 0
	case i == AVX512:
		widenAVX512(&dst[0], (*uint16)(&src[0]), n)
	default:
		widenAVX2(&dst[0], (*uint16)(&src[0]), n)
	}
	return n
}

// narrowFast rounds whole vectors and returns how many numbers that are.
func (i ISA) narrowFast(dst []BF16, src []float32) int {
	n := len(dst) &^ (i.lanes() - 1)
	switch {
	case n == 0 || i == Plain:
		return 0
	case i.rounds():
		narrowAVX512BF16((*uint16)(&dst[0]), &src[0], n)
	case i == AVX512:
		narrowAVX512((*uint16)(&dst[0]), &src[0], n)
	default:
		narrowAVX2((*uint16)(&dst[0]), &src[0], n)
	}
	return n
}
