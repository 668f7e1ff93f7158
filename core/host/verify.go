package host

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host/lockfile"
)

// ErrChanged says that an executable is not the one that was installed.
var ErrChanged = errors.New("it is not the executable that was installed")

// SHA256 is the SHA-256 of a file, in hexadecimal.
func SHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// verify compares a plugin with its line in the plugins.lock of its folder. Where there is none the plugin counts as it
// is.
func verify(ref Ref) (Ref, error) {
	dir := filepath.Dir(ref.Path)
	pins, err := lockfile.Read(dir)
	if err != nil {
		return ref, fault.New(fault.Plugin, "repair the lock, or remove it and install the folder's plugins again", "%s: %w", ref, err)
	}
	ref.Pin = pins[filepath.Base(ref.Path)]
	if ref.Pinned() && ref.Pin.SHA256 != ref.SHA256 {
		return ref, mismatch(ref, fmt.Errorf("%w: its SHA-256 is %s, %s says %s", ErrChanged, ref.SHA256, filepath.Join(dir, lockfile.Name), ref.Pin.SHA256))
	}
	return ref, nil
}

func mismatch(ref Ref, err error) error {
	return fault.New(fault.Plugin, "if you changed it yourself: sslctl plugin install "+ref.Path+"; else install it anew from where it came", "%s: %w", ref, err)
}
