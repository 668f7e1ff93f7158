//go:build !amd64

package kernel

func (i ISA) rounds() bool                     { return false }
func (i ISA) widenFast([]float32, []BF16) int  { return 0 }
func (i ISA) narrowFast([]BF16, []float32) int { return 0 }
