package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/sslctl/sslctl/core/fault"
)

// Readers hold a shared lock for microseconds to learn whether a run is alive (see [Folder.Status]); a writer
// that meets one tries again for this long.
const (
	lockPatience = 300 * time.Millisecond
	lockRetry    = 10 * time.Millisecond
)

// lock is an advisory lock of the operating system on a file of the run folder. The system gives it back when
// the process dies, however it dies, so a lock is never stale.
type lock struct{ f *flock.Flock }

// acquire takes the lock of a run folder and notes who holds it.
func acquire(dir string) (*lock, error) {
	path := filepath.Join(dir, lockFile)
	f := flock.New(path)
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	ok, err := f.TryLockContext(ctx, lockRetry)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("lock run folder: %w", err)
	}
	if !ok {
		holder, _ := os.ReadFile(path) // only for the message
		return nil, fault.New(fault.Usage, "wait for it, stop it, or start another run",
			"run %s is being written by %s", dir, strings.TrimSpace(string(holder)))
	}
	host, _ := os.Hostname() // only for the message
	if err := os.WriteFile(path, fmt.Appendf(nil, "process %d on %s\n", os.Getpid(), host), 0o644); err != nil {
		return nil, errors.Join(fmt.Errorf("lock run folder: %w", err), f.Unlock())
	}
	return &lock{f}, nil
}

func (l *lock) release() error { return l.f.Unlock() }

// held reports whether a process writes the run.
func (f *Folder) held() (bool, error) {
	l := flock.New(f.path(lockFile))
	ok, err := l.TryRLock()
	if err != nil {
		return false, fmt.Errorf("probe lock: %w", err)
	}
	return !ok, l.Close()
}
