package nvrtc

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sslctl/sslctl/core/durable"
)

// Cache remembers cubins in a folder, which it makes: by source, architecture, and file and version of the compiler. Any number of
// processes may use a folder. It never grows old and may be deleted at any time.
type Cache struct{ Folder string }

// Compile is the compiler's, unless the folder has what it would give. A file that is damaged counts as none; one that cannot be
// written costs the time to compile again, and nothing else, so it is no error.
func (k Cache) Compile(c *Compiler, source string, arch int) (cubin []byte, err error) {
	path := k.path(c, source, arch)
	if cubin, ok := read(path); ok {
		return cubin, nil
	}
	cubin, _, err = c.Compile(source, arch)
	if err != nil {
		return nil, err
	}
	if os.MkdirAll(k.Folder, 0o755) == nil {
		sum := sha256.Sum256(cubin)
		_ = durable.WriteFile(path, append(sum[:], cubin...))
	}
	return cubin, nil
}

// path is where a source's cubin is kept.
func (k Cache) path(c *Compiler, source string, arch int) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d.%d sm_%d\n%s", c.Path(), c.major, c.minor, arch, source)
	return filepath.Join(k.Folder, fmt.Sprintf("%x.cubin", h.Sum(nil)[:16]))
}

// read reads a file of the cache: a checksum and the cubin.
func read(path string) ([]byte, bool) {
	b, err := os.ReadFile(path)
	if err != nil || len(b) <= sha256.Size {
		return nil, false
	}
	sum := sha256.Sum256(b[sha256.Size:])
	return b[sha256.Size:], bytes.Equal(sum[:], b[:sha256.Size])
}
