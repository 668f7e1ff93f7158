package run

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// osName is the system with the release of its kernel.
func osName() string {
	release, err := unix.Sysctl("kern.osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return runtime.GOOS + " " + release
}

// cpuName is the processor's brand, "" where the system gives none.
func cpuName() string {
	name, err := unix.Sysctl("machdep.cpu.brand_string")
	if err != nil {
		return ""
	}
	return name
}
