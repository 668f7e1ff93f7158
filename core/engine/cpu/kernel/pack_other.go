//go:build !amd64

package kernel

func (i ISA) transpose(int, *float32, int, *float32, int) {
	panic("kernel: no vector transpose on this CPU")
}

func (i ISA) copyRowsFast([]float32, Array, int, int, int) bool { return false }
