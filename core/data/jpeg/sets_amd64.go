package jpeg

import "golang.org/x/sys/cpu"

// sets are the kernels that this machine can run, the plain ones first, the fastest last.
func sets() []*kernels {
	all := []*kernels{plainKernels()}
	if cpu.X86.HasAVX2 {
		all = append(all, &kernels{name: "avx2", idct: idctVectors})
	}
	return all
}

// idctVectors checks for idctAVX2 that dst has its pixels.
func idctVectors(dst []uint8, stride int, b *block) {
	_ = dst[7*stride:][:8]
	idctAVX2(&dst[0], stride, b)
}
