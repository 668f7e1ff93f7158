package host

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/sslctl/sslctl/core/fault"
)

// hashFile is the SHA-256 of a file, in hexadecimal.
func hashFile(path string) (string, error) {
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

// verify compares a plugin with the checksum that was installed beside it, PLUGIN.sha256 in the form of sha256sum. Where
// there is none the plugin counts as it is.
func verify(ref Ref) error {
	file := ref.Path + ".sha256"
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fault.New(fault.Plugin, "", "%s: %w", ref, err)
	}
	want, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	if !strings.EqualFold(want, ref.SHA256) {
		return mismatch(ref, fmt.Errorf("its SHA-256 is %s, %s says %.64s", ref.SHA256, file, want))
	}
	return nil
}

func mismatch(ref Ref, err error) error {
	return fault.New(fault.Plugin, "install the plugin again; if you changed it yourself, renew "+ref.Path+".sha256", "%s: %w", ref, err)
}
