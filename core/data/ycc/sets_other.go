//go:build !amd64

package ycc

// sets are the kernels that this machine can run, the plain ones first.
func sets() []*kernels { return []*kernels{plainKernels()} }
