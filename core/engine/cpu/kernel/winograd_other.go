//go:build !amd64

package kernel

// Without vectors, Winograd's method is never chosen.

func (i ISA) winoInput(int, Array, int, int, *float32, int) {
	panic("kernel: no Winograd transforms on this CPU")
}
func (i ISA) winoOutput(int, *float32, int, Array, int, int) {
	panic("kernel: no Winograd transforms on this CPU")
}
func (i ISA) winoGradient(int, Array, int, int, *float32, int) {
	panic("kernel: no Winograd transforms on this CPU")
}
func (i ISA) winoWeights(int, *float32, int, int, *float32, int) {
	panic("kernel: no Winograd transforms on this CPU")
}
func (i ISA) winoWeightsGrad(int, *float32, int, *float32, int) {
	panic("kernel: no Winograd transforms on this CPU")
}

func (i ISA) masks() bool { return false }

func (i ISA) winoInputEdge(int, Array, int, int, int, *float32, int, int, int) {
	panic("kernel: no Winograd transforms on this CPU")
}

func (i ISA) winoOutputEdge(int, *float32, int, Array, int, int, int, int) {
	panic("kernel: no Winograd transforms on this CPU")
}

func (i ISA) winoGradientEdge(int, Array, int, int, *float32, int, int, int) {
	panic("kernel: no Winograd transforms on this CPU")
}
