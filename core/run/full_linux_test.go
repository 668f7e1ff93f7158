package run

import (
	"syscall"
	"testing"
)

// TestDiskFull runs out of room on a real, small file system.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("a small tmpfs cannot be mounted here (%v); TestFileLimit covers the same path by a file limit", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	if out, err := childCommand(t, "full", dir+"/run").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
