//go:build !amd64

package kernel

func (i ISA) sgdFast(SGD, []float32, []float32, []float32) bool       { return false }
func (i ISA) adamWFast(_ adamCoefficients, _, _, _, _ []float32) bool { return false }
func (i ISA) emaFast(_, _ []float32, _, _ float32) bool               { return false }
