//go:build !linux && !darwin

package run

import "runtime"

func osName() string { return runtime.GOOS }

// cpuName is unknown on systems without a plain way to ask.
func cpuName() string { return "" }
