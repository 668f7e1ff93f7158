package data

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/sslctl/sslctl/core/durable"
)

// present reports whether target has all content of an artefact, and it is right.
func present(ctx context.Context, a artefact, target string) bool {
	for _, m := range a.members {
		if !memberPresent(ctx, m, target) {
			return false
		}
	}
	return true
}

// memberPresent reports whether dir has a member, under gzip or not, with the published content.
func memberPresent(ctx context.Context, m member, dir string) bool {
	for _, name := range []string{m.name, m.name + ".gz"} {
		p := filepath.Join(dir, name)
		if exists(p) {
			return m.sha256 == "" || checkContent(ctx, p, m) == nil
		}
	}
	return m.sha256 == "" // Open has the names of the classes too
}

// copyFromSystem takes an IDX file from the system's package of the dataset, where that has the published content.
func (f *fetcher) copyFromSystem(ctx context.Context, e entry, a artefact, target string) bool {
	from := filepath.Join(f.system, e.info.Name, a.name)
	if !exists(from) || len(a.members) != 1 || checkContent(ctx, from, a.members[0]) != nil {
		return false
	}
	in, err := os.Open(from)
	if err != nil {
		return false
	}
	defer in.Close()
	return durable.Write(filepath.Join(target, a.name), func(w io.Writer) error {
		_, err := io.Copy(w, reader{ctx, in})
		return err
	}) == nil
}

// install checks a downloaded artefact and puts its content into target.
func install(ctx context.Context, part string, a artefact, target string) error {
	if strings.HasSuffix(a.name, ".tar.gz") {
		return unpack(ctx, part, a, target)
	}
	sum, err := sumFile(ctx, part)
	if err != nil {
		return err
	}
	if sum != a.sha256 { // a mirror may have compressed the same content differently
		if err := checkContent(ctx, part, a.members[0]); err != nil {
			return fmt.Errorf("SHA-256 of the file is %s, not %s, and of what it holds: %w", sum, a.sha256, err)
		}
	}
	if err := os.Rename(part, filepath.Join(target, a.name)); err != nil {
		return err
	}
	return durable.SyncDir(target)
}

// unpack takes the members out of a tar.gz and removes it.
func unpack(ctx context.Context, part string, a artefact, target string) error {
	missing, err := extract(ctx, part, a, target)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	for _, m := range missing {
		if m.sha256 != "" {
			return fmt.Errorf("unpack: %s is not in the archive", m.name)
		}
	}
	if err := os.Remove(part); err != nil {
		return err
	}
	return durable.SyncDir(target)
}

// extract writes the members of a tar.gz to target, whatever folder of the archive they are in, ignores its other
// files, and says which members it lacks.
func extract(ctx context.Context, part string, a artefact, target string) (missing map[string]member, err error) {
	in, err := os.Open(part)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	plain, err := inflated(reader{ctx, in})
	if err != nil {
		return nil, err
	}
	var limit int64 = 1 << 20 // headers and files that are not wanted
	missing = map[string]member{}
	for _, m := range a.members {
		limit += 2 * m.size
		missing[m.name] = m
	}
	t := tar.NewReader(io.LimitReader(plain, limit))
	for {
		head, err := t.Next()
		if errors.Is(err, io.EOF) {
			return missing, nil
		}
		if err != nil {
			return nil, err
		}
		m, wanted := missing[path.Base(head.Name)]
		if head.Typeflag != tar.TypeReg || !wanted {
			continue
		}
		if err := writeMember(t, m, target); err != nil {
			return nil, err
		}
		delete(missing, m.name)
	}
}

// writeMember writes a member, or nothing where its content is not the published one.
func writeMember(r io.Reader, m member, target string) error {
	return durable.Write(filepath.Join(target, m.name), func(w io.Writer) error {
		h := sha256.New()
		n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(r, m.size+1))
		if err != nil {
			return err
		}
		return m.check(n, h)
	})
}

// checkContent compares a file's content, without gzip, with what was published.
func checkContent(ctx context.Context, p string, m member) error {
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	in, err := inflated(reader{ctx, f})
	if err != nil {
		return err
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(in, m.size+1))
	if err != nil {
		return err
	}
	return m.check(n, h)
}

// check compares size and sum of what was read, up to one byte more than the member has, with what was published.
func (m member) check(n int64, h hash.Hash) error {
	switch sum := hex.EncodeToString(h.Sum(nil)); {
	case n > m.size:
		return fmt.Errorf("%s: more than %d bytes", m.name, m.size)
	case m.sha256 == "":
		return nil
	case n < m.size:
		return fmt.Errorf("%s: truncated, %d bytes of %d", m.name, n, m.size)
	case sum != m.sha256:
		return fmt.Errorf("%s: SHA-256 is %s, not %s", m.name, sum, m.sha256)
	}
	return nil
}

// sumFile is the SHA-256 of a file as it is.
func sumFile(ctx context.Context, p string) (string, error) {
	f, err := os.Open(p)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, reader{ctx, f}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// reader is r until the context ends.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
