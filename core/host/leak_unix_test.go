//go:build unix

package host_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/sdk/wire"
)

// gone waits until a process has ended; one that nobody has reaped yet counts as ended.
func gone(pid int, within time.Duration) bool {
	for end := time.Now().Add(within); ; time.Sleep(5 * time.Millisecond) {
		if syscall.Kill(pid, 0) != nil || zombie(pid) {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z")
}

// noneLeft fails for each process that was started from a folder and still runs. It looks where the system shows it.
func noneLeft(t *testing.T, dir string) {
	t.Helper()
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, line := range lines {
		text, _ := os.ReadFile(line)
		if strings.HasPrefix(string(text), dir) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(line)))
			if !gone(pid, time.Second) {
				t.Errorf("process %d is left: %q", pid, text)
			}
		}
	}
}

// pidIn reads the number that a process wrote when it was up.
func pidIn(t *testing.T, dir string) int {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		text, _ := os.ReadFile(filepath.Join(dir, "pid"))
		if pid, err := strconv.Atoi(string(text)); err == nil {
			return pid
		}
	}
	t.Fatal("the process does not come up")
	return 0
}

func TestChildrenOfAPluginEndToo(t *testing.T) {
	s := newStage(t, "child")
	began := time.Now()
	if _, _, err := s.trace(t, "child"); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("a child that holds the plugin's streams delays the host by %v", took)
	}
	if pid := pidIn(t, os.TempDir()); !gone(pid, time.Second) {
		t.Errorf("child %d is left", pid)
	}
}

// doomedHostKey makes the test binary a host that asks a plugin which never answers.
const doomedHostKey = "SSLCTL_TEST_DOOMED_HOST"

func doomedHost(dir string) {
	h := host.New(host.Options{PluginDirs: []string{dir}})
	ref, err := h.Find(wire.Method, "hang-trace")
	if err == nil {
		_, _, err = h.Trace(context.Background(), ref, nil, shapes)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func TestPluginEndsWithItsKilledHost(t *testing.T) {
	for range max(3, *chaos) {
		s := newStage(t, "hang-trace")
		doomed := exec.Command(os.Args[0])
		doomed.Env = append(os.Environ(), doomedHostKey+"="+s.dir)
		if err := doomed.Start(); err != nil {
			t.Fatal(err)
		}
		pid := pidIn(t, os.TempDir())
		if err := doomed.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = doomed.Wait()
		if !gone(pid, time.Second) {
			t.Errorf("plugin %d outlives its host", pid)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	} // the socket's folder is checked when the test ends
}

// TestNothingIsLeft asks again and again; newStage checks sockets and processes, TestMain goroutines.
func TestNothingIsLeft(t *testing.T) {
	s := newStage(t, "good", "crash-start", "die-trace")
	noFileStays(t)
	for range max(20, *chaos) {
		if _, _, err := s.trace(t, "good"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.trace(t, "crash-start"); err == nil {
			t.Fatal("a crash was not seen")
		}
	}
	if _, _, err := s.trace(t, "die-trace"); err == nil {
		t.Fatal("a crash was not seen")
	}
}

// noFileStays demands that no more files are open when the test ends than now.
func noFileStays(t *testing.T) {
	t.Helper()
	files := openFiles(t)
	t.Cleanup(func() {
		if n := openFiles(t); n > files {
			t.Errorf("%d files are open, %d were before", n, files)
		}
	})
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
