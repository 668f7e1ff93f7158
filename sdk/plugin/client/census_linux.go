package client

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// census counts the processes of a plugin. Who was found to be somebody else's is not looked at again.
type census struct {
	group     int    // of processes
	sockets   string // folder, which no other plugin's environment names
	strangers map[string]bool
}

// count counts the plugin's group, and what left it with the plugin's environment.
func (c *census) count() int {
	dirs, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	n := 0
	for _, dir := range dirs {
		switch {
		case c.strangers[dir]:
		case c.owns(dir):
			n++
		default:
			c.strangers[dir] = true
		}
	}
	return n
}

func (c *census) owns(dir string) bool {
	stat, _ := os.ReadFile(filepath.Join(dir, "stat")) // gone: not ours
	_, rest, _ := bytes.Cut(stat, []byte(") "))        // state, parent, group, ...
	if fields := bytes.Fields(rest); len(fields) > 2 && string(fields[2]) == strconv.Itoa(c.group) {
		return true
	}
	return inherited(dir, c.sockets)
}

// inherited reports whether a process has an environment that names a plugin's folder of sockets.
func inherited(dir, sockets string) bool {
	environ, _ := os.ReadFile(filepath.Join(dir, "environ")) // of another user, or gone: not ours
	return bytes.Contains(environ, []byte("="+sockets+"/"))
}
