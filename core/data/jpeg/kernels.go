package jpeg

//go:generate go run ./internal/gen -out kernels_amd64.s -stubs kernels_amd64.go -pkg jpeg

// kernels is a set of inner loops. Every set gives the bits of the plain one.
type kernels struct {
	name string
	idct func(dst []uint8, stride int, b *block)
}

func plainKernels() *kernels { return &kernels{name: "plain", idct: idct} }

// detect is the fastest set that this machine can run.
func detect() *kernels {
	all := sets()
	return all[len(all)-1]
}
