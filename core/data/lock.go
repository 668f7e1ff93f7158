package data

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lockPoll is how often a locked folder is tried again.
const lockPoll = 100 * time.Millisecond

// lockFolder keeps other processes from fetching into the same folder until unlock is called; while another has it,
// it waits. The lock is on the folder itself (flock), so a process that dies leaves none behind. File systems that
// cannot lock folders, such as NFS, go without.
func lockFolder(ctx context.Context, dir string) (unlock func() error, err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return d.Close, nil
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), d.Close())
		}
	}
}
