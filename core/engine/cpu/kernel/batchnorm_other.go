//go:build !amd64

package kernel

func (i ISA) bnStatsFast(_, _, _, _ []float32, _ int) bool           { return false }
func (i ISA) bnReduceFast(_, _, _, _, _, _ []float32, _ int) bool    { return false }
func (i ISA) bnApplyFast(_, _, _, _, _, _ []float32, _, _ bool) bool { return false }
func (i ISA) bnBackwardFast(*bnGradient[float32], bool) bool         { return false }
