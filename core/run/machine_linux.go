package run

import (
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// osName is the system with the release of its kernel.
func osName() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return runtime.GOOS
	}
	return runtime.GOOS + " " + unix.ByteSliceToString(u.Release[:])
}

// cpuName is the model name of the first processor, "" where the kernel gives none.
func cpuName() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	return modelName(string(b))
}

// modelName finds the first model name in the text of /proc/cpuinfo.
func modelName(cpuinfo string) string {
	for line := range strings.Lines(cpuinfo) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
