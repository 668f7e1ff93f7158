package host_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sslctl/sslctl/core/host"
)

// TestMemoryIsBounded lets a plugin take what it can get: it ends, and not the machine.
func TestMemoryIsBounded(t *testing.T) {
	s := newStageWith(t, host.Options{Memory: 1 << 30}, "custom-greedy")
	breakStep(t, s, misbehaviour{"custom-greedy", []string{"crashed (exit status 2)", "memory"}})
}

// TestMisbehavingCrowd lets a plugin start a hundred: it ends for that, and they with it.
func TestMisbehavingCrowd(t *testing.T) {
	s := newStage(t, "crowd")
	quiet(t)
	noFileStays(t)
	for range *chaos {
		misbehave(t, s, "crowd", []string{"processes; at most 64"})
	}
}

// quiet demands that in the end no process has this test's folder of temporary files in its environment: children of
// plugins that were started in a session of their own have it too.
func quiet(t *testing.T) {
	t.Helper()
	temp := []byte("TMPDIR=" + os.TempDir() + "\x00")
	t.Cleanup(func() {
		for end := time.Now().Add(2 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			var left []string
			files, _ := filepath.Glob("/proc/[0-9]*/environ")
			for _, file := range files {
				if environ, _ := os.ReadFile(file); bytes.Contains(environ, temp) && file != "/proc/self/environ" {
					left = append(left, file)
				}
			}
			if len(left) == 0 {
				return
			}
			if time.Now().After(end) {
				t.Errorf("left are %v", left)
				return
			}
		}
	})
}
