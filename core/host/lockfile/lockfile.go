// Package lockfile is plugins.lock: the file that says, for a folder of plugins, which executables were installed there,
// where they came from and what their SHA-256 is. A plugin whose content is another one is not started.
//
// Most callers need [Read]. [Update] changes a folder's lines; several processes that do so take turns, and a crash leaves
// the old file or the new one, whole.
//
// The file is JSON with one object an executable, by file name:
//
//	{
//	  "version": 1,
//	  "plugins": {
//	    "sslctl-method-align": {"sha256": "9f86d0…", "source": "https://example.org/sslctl-method-align", "version": "0.1.0"}
//	  }
//	}
package lockfile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/gofrs/flock"

	"github.com/sslctl/sslctl/core/durable"
)

// Name is the file's name in a folder of plugins.
const Name = "plugins.lock"

// format is the version of the file that this program reads and writes.
const format = 1

// maxBytes is far above what a folder of plugins needs.
const maxBytes = 1 << 20

// Pin is what a folder's lock says of one executable.
type Pin struct {
	SHA256  string `json:"sha256"`            // of the executable, lower-case hexadecimal
	Source  string `json:"source,omitempty"`  // address or path that it was installed from
	Version string `json:"version,omitempty"` // what the plugin called itself when it was installed
}

// Pins are the lines of a lock, by the executable's file name.
type Pins map[string]Pin

type file struct {
	Version int  `json:"version"`
	Plugins Pins `json:"plugins"`
}

var sha256Form = regexp.MustCompile(`^[0-9a-f]{64}$`)

// Read is the lock of a folder. Where there is none, nothing is pinned. A lock that cannot be understood is an error: to
// pass over it would start what it may forbid.
func Read(dir string) (Pins, error) {
	path := filepath.Join(dir, Name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Pins{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	pins, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return pins, nil
}

func decode(text []byte) (Pins, error) {
	if len(text) > maxBytes {
		return nil, fmt.Errorf("it has more than %d bytes", maxBytes)
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	if f.Version != format {
		return nil, fmt.Errorf("its version is %d, this program knows %d", f.Version, format)
	}
	for name, pin := range f.Plugins {
		if name != filepath.Base(name) || !sha256Form.MatchString(pin.SHA256) {
			return nil, fmt.Errorf("the line of %q has no file name or no SHA-256 in 64 lower-case digits", name)
		}
	}
	if f.Plugins == nil {
		f.Plugins = Pins{}
	}
	return f.Plugins, nil
}

// poll is how often a folder is tried that another process changes.
const poll = 50 * time.Millisecond

// Update changes the lock of a folder, which must exist: change gets the lines as they are and edits them. No other
// Update of the folder runs meanwhile, so change may also put the executables in place. An error of change leaves the
// lock as it was; the context's error is returned where it ends while another process has its turn.
func Update(ctx context.Context, dir string, change func(Pins) error) (err error) {
	turn := flock.New(filepath.Join(dir, "."+Name))
	if _, err := turn.TryLockContext(ctx, poll); err != nil {
		return fmt.Errorf("wait for another change of %s: %w", filepath.Join(dir, Name), err)
	}
	defer func() { err = errors.Join(err, turn.Close()) }()
	pins, err := Read(dir)
	if err != nil {
		return err
	}
	if err := change(pins); err != nil {
		return err
	}
	return write(dir, pins)
}

func write(dir string, pins Pins) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(file{Version: format, Plugins: pins}); err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(dir, Name), text.Bytes())
}
