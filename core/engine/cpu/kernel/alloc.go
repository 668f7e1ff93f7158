package kernel

// Alloc is memory for n numbers, on a cache line of 64 bytes, as kernels like their operands best.
func Alloc(n int) []float32 { return alignedFloats(n) }
