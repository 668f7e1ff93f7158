package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
)

// residentPeak is the largest resident size that the process has had, in bytes: VmHWM of /proc/self/status.
func residentPeak() int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		var kilobytes int
		if _, err := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kilobytes); err == nil {
			return 1024 * kilobytes
		}
	}
	return 0
}
