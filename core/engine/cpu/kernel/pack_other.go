//go:build !amd64

package kernel

func (i ISA) transpose(int, *float32, int, *float32, int) {
	panic("kernel: no vector transpose on this CPU")
}

func (i ISA) copyRowsFast(_, _ []float32, _, _, _ int) bool { return false }
