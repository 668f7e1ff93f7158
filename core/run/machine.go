package run

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

// isa lists the vector extensions of the processor that kernels make use of.
func isa() []string {
	var out []string
	for _, f := range []struct {
		has  bool
		name string
	}{
		{cpu.X86.HasAVX, "avx"}, {cpu.X86.HasAVX2, "avx2"}, {cpu.X86.HasFMA, "fma"},
		{cpu.X86.HasAVX512F, "avx512f"}, {cpu.X86.HasAVX512BW, "avx512bw"}, {cpu.X86.HasAVX512DQ, "avx512dq"},
		{cpu.X86.HasAVX512VL, "avx512vl"}, {cpu.X86.HasAVX512VNNI, "avx512vnni"}, {cpu.X86.HasAVX512BF16, "avx512bf16"},
		{cpu.X86.HasAMXBF16, "amx-bf16"},
		{runtime.GOARCH == "arm64", "neon"}, {cpu.ARM64.HasSVE, "sve"}, {cpu.ARM64.HasSVE2, "sve2"},
	} {
		if f.has {
			out = append(out, f.name)
		}
	}
	return out
}
