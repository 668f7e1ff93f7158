//go:build !linux

package bench

// residentPeak is 0: this system does not tell a process's largest resident size without cgo.
func residentPeak() int { return 0 }
