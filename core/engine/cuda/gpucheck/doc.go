// Package gpucheck is what only a GPU can show. It has no code but its tests, which are skipped where there is none: that the
// device keeps the engine's contract, that training steps follow the CPU's, and how near its kernels come to the memory's
// bandwidth.
//
// `make gpu-check` builds them, with those of the bindings, into bin/gpu-check: a folder whose script `run` needs neither Go nor
// a network.
package gpucheck
