// Package install puts plugins into the folders that sslctl searches, pinned by their SHA-256, and takes them out again.
//
// Most callers need [Install]:
//
//	p, err := install.Install(ctx, h, "https://example.org/sslctl-method-align", install.Options{Dir: host.UserDir()})
//
// What is installed has been started and has said what it is; its file is named after that, whatever it was called. A
// plugin of the same name is replaced. Files come to their place whole or not at all, together with their line in
// plugins.lock, and several processes that install into one folder take turns.
package install

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/sslctl/sslctl/core/durable"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/core/host/lockfile"
	"github.com/sslctl/sslctl/sdk/wire"
)

// MaxBytes is the most that an executable may have: 512 MiB.
const MaxBytes = 512 << 20

// Options say where a plugin goes and what it must be.
type Options struct {
	Dir      string                               // the folder; it is made where it is not there
	SHA256   string                               // that the executable must have, in hexadecimal; "" for any
	Client   *http.Client                         // makes requests; nil for one that goes by the environment's proxy settings
	Progress func(file string, done, total int64) // of a download whose size the server says; may be nil
}

// Plugin is what was installed.
type Plugin struct {
	Kind     wire.Kind
	Name     string
	Version  string
	Protocol int    // version that host and plugin spoke
	Path     string // of the executable
	SHA256   string
	Source   string // address, or absolute path, that it came from
	Replaced string // SHA-256 of the executable that was there before; "" where there was none
}

// Install installs a plugin from a file or an http address. Errors: fault.Usage for a source that cannot be one,
// fault.Data for a file that cannot be had, written or is another one than Options.SHA256 says, fault.Plugin for what is
// no plugin. Whatever the error, the folder holds what it held.
func Install(ctx context.Context, h *host.Host, source string, o Options) (Plugin, error) {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return Plugin{}, fault.New(fault.Data, "choose another folder with --dir", "install %s: %w", source, err)
	}
	temporary, err := os.MkdirTemp(o.Dir, ".installing-")
	if err != nil {
		return Plugin{}, fault.New(fault.Data, "choose another folder with --dir", "install %s: %w", source, err)
	}
	defer os.RemoveAll(temporary)
	file := filepath.Join(temporary, "plugin"+filepath.Ext(host.FileName("", "")))
	if source, err = bring(ctx, source, file, o); err != nil {
		return Plugin{}, err
	}
	id, err := h.Identify(ctx, file)
	if err != nil {
		return Plugin{}, fmt.Errorf("install %s: %w", source, err)
	}
	p := Plugin{Kind: id.Kind, Name: id.Description.Name, Version: id.Description.Version, Protocol: id.Protocol, SHA256: id.SHA256, Source: source}
	return place(ctx, file, p, o)
}

// bring has the executable at file, and names its source in full.
func bring(ctx context.Context, source, file string, o Options) (full string, err error) {
	if scheme, _, ok := strings.Cut(source, "://"); ok {
		if scheme != "https" && scheme != "http" {
			return "", fault.New(fault.Usage, "give the path of an executable, or an address of https://", "install %s: no way to fetch %s://", source, scheme)
		}
		full, err = source, download(ctx, source, file, o)
	} else if full, err = filepath.Abs(source); err == nil {
		err = copyFile(full, file)
	}
	if err != nil {
		return "", err
	}
	return full, checkSum(source, file, o.SHA256)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return fault.New(fault.Usage, "give the path of an executable, or an address of https://", "install: %w", err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return fault.New(fault.Usage, "build the plugin and name its executable", "install: %s is not a file", from)
	}
	return write(in, to, from)
}

// write copies at most MaxBytes into a new executable.
func write(from io.Reader, to, name string) error {
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return fault.New(fault.Data, "choose another folder with --dir", "install %s: %w", name, err)
	}
	n, err := io.Copy(out, io.LimitReader(from, MaxBytes+1))
	err = errors.Join(err, out.Sync(), out.Close())
	switch {
	case durable.IsFull(err):
		return fault.New(fault.Data, "make room, or choose another folder with --dir", "install %s: %w", name, err)
	case err != nil:
		return fault.New(fault.Data, "try again", "install %s after %d bytes: %w", name, n, err)
	case n > MaxBytes:
		return fault.New(fault.Data, "check the address: a plugin is smaller", "install %s: it has more than %d MiB", name, MaxBytes>>20)
	}
	return nil
}

func checkSum(source, file, want string) error {
	if want == "" {
		return nil
	}
	got, err := host.SHA256(file)
	if err != nil {
		return fault.New(fault.Data, "", "install %s: %w", source, err)
	}
	if !strings.EqualFold(got, want) {
		return fault.New(fault.Data, "do not use the file before you know why; its author publishes the sum", "install %s: its SHA-256 is %s, expected %s", source, got, want)
	}
	return nil
}

// place moves an executable to where it is found and pins it.
func place(ctx context.Context, file string, p Plugin, o Options) (Plugin, error) {
	name := host.FileName(p.Kind, p.Name)
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return Plugin{}, fmt.Errorf("install %s: %w", p.Source, err)
	}
	p.Path = filepath.Join(dir, name)
	err = lockfile.Update(ctx, dir, func(pins lockfile.Pins) error {
		before, err := host.SHA256(p.Path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		p.Replaced = before
		pins[name] = lockfile.Pin{SHA256: p.SHA256, Source: p.Source, Version: p.Version}
		return os.Rename(file, p.Path)
	})
	switch {
	case ctx.Err() != nil:
		return Plugin{}, fmt.Errorf("install %s: %w", p.Source, context.Cause(ctx))
	case err != nil:
		return Plugin{}, fault.New(fault.Data, "choose another folder with --dir, or repair this one", "install %s: %w", p.Source, err)
	}
	return p, nil
}

// Remove takes a plugin's executable away, whatever its state, and its line in the folder's lock. What is shipped cannot
// be removed.
func Remove(ctx context.Context, ref host.Ref) error {
	if ref.Shipped() {
		return fault.New(fault.Usage, "only what was installed can be removed", "%s is part of sslctl", ref)
	}
	dir, name := filepath.Split(ref.Path)
	err := lockfile.Update(ctx, dir, func(pins lockfile.Pins) error {
		delete(pins, name)
		if err := os.Remove(ref.Path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("remove %s: %w", ref, context.Cause(ctx))
	case err != nil:
		return fault.New(fault.Data, "check the folder's permissions", "remove %s: %w", ref, err)
	}
	return nil
}
