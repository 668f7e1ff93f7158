//go:build !amd64

package kernel

// Without an instruction that rounds to bfloat16 these are never called.

const no16 = "kernel: no batch norm of bfloat16 on this CPU"

func colSums16([]float32, []BF16, int)                              { panic(no16) }
func bnStats16(_, _ []float32, _ []BF16, _ []float32, _ int)        { panic(no16) }
func bnReduce16(_, _ []float32, _, _, _ []BF16, _ []float32, _ int) { panic(no16) }
func bnApply16(_, _, _ []BF16, _, _, _ []float32, _ bool)           { panic(no16) }
func bnBackward16(*bnGradient[BF16])                                { panic(no16) }
