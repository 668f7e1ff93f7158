package ycc

//go:generate go run ./internal/gen -out kernels_amd64.s -stubs kernels_amd64.go -pkg ycc

// kernels is a set of inner loops. Every set gives the bits of the plain one.
type kernels struct {
	name      string
	fullRange conversion
	double    func(out, near, far []uint8, toLeft, toRight uint32)
}

func plainKernels() *kernels { return &kernels{name: "plain", fullRange: fullRange, double: double} }

// detect is the fastest set that this machine can run.
func detect() *kernels {
	all := sets()
	return all[len(all)-1]
}
