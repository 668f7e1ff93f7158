// Package durable replaces files so that a crash at any moment leaves either the old file or the new one, whole.
//
// Most callers need [WriteFile]; [Write] streams. Both write a temporary file beside the destination, fsync it,
// rename it over the destination and fsync the folder. When they return nil the new content survives a power cut;
// when they return an error the old content is untouched and the temporary file is gone. Only a process that is
// killed in the middle leaves a temporary file; its name begins with a dot and [Sweep] removes it.
package durable

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/google/renameio/v2"
)

// bufferSize is large enough that a checkpoint is written in few system calls.
const bufferSize = 1 << 20

// WriteFile replaces path with data, readable by all that the umask allows.
func WriteFile(path string, data []byte) error {
	return Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Write replaces path with what fill writes. An error of fill leaves path as it was.
func Write(path string, fill func(io.Writer) error) (err error) {
	t, err := renameio.NewPendingFile(path,
		renameio.WithTempDir(filepath.Dir(path)), renameio.WithPermissions(0o644))
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if cleanup := t.Cleanup(); cleanup != nil {
			err = errors.Join(err, cleanup)
		}
	}()
	b := bufio.NewWriterSize(t, bufferSize)
	if err := fill(b); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := t.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return SyncDir(filepath.Dir(path))
}

// Symlink points the link at path to target, replacing a link that is there.
func Symlink(target, path string) error {
	if err := renameio.Symlink(target, path); err != nil {
		return fmt.Errorf("link %s: %w", path, err)
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the names in a folder durable: renames, new files and removals.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	defer d.Close()
	// Some file systems (FUSE, SMB) cannot fsync a folder and say so by EINVAL; there is nothing more to do there.
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, fs.ErrInvalid) {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}

// temporary matches the names that Write gives its temporary files: a dot, the final name, a number.
var temporary = regexp.MustCompile(`^\..+\d+$`)

// Sweep removes the temporary files that a killed process left in a folder. Call it only where no other
// process writes.
func Sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for _, e := range entries {
		if !temporary.MatchString(e.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	return nil
}

// IsFull reports whether err says that no more can be written: the disk is full, or a quota or a limit on the
// size of a file is reached.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
