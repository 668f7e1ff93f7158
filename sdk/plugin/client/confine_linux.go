package client

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// confine bounds the memory of a process that was just started, in bytes of its own (RLIMIT_DATA: what it shares with
// others does not count), and lets it write no core file. Children inherit both, each for itself.
func confine(pid int, memory uint64) error {
	if err := unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil); err != nil {
		return err
	}
	return unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: memory, Max: memory}, nil)
}

// sweepRounds bounds the hunt for processes that start others while they are hunted.
const sweepRounds = 50

// sweep kills what escaped the group of a dead plugin: every process that inherited an environment with its folder of
// sockets, which no other plugin has. A process that also wiped its environment escapes; this is no sandbox.
func sweep(sockets string) {
	for range sweepRounds {
		found := false
		dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
		for _, dir := range dirs {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			if pid != os.Getpid() && inherited(dir, sockets) {
				found = syscall.Kill(pid, syscall.SIGKILL) == nil || found
			}
		}
		if !found {
			return
		}
	}
}
