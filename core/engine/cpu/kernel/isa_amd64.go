package kernel

import "golang.org/x/sys/cpu"

func (i ISA) supported() bool {
	switch i {
	case Plain:
		return true
	case AVX2:
		return cpu.X86.HasAVX2 && cpu.X86.HasFMA
	case AVX512:
		return cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW
	}
	return false
}

// flushDenormals makes this thread treat denormal numbers as zero (MXCSR bits FTZ and DAZ) and returns the register's
// value before. The goroutine must be locked to its thread.
func flushDenormals() uint32 {
	const ftz, daz = 1 << 15, 1 << 6
	old := getMXCSR()
	setMXCSR(old | ftz | daz)
	return old
}

func restoreDenormals(old uint32) { setMXCSR(old) }

// pause waits about a hundred cycles without occupying the core's execution ports.
func pause() { pauseCPU() }
