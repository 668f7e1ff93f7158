package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/sourcegraph/conc/iter"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host/lockfile"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin/client"
	"github.com/sslctl/sslctl/sdk/wire"
)

// Listed is a plugin that was found, with its description or why there is none.
type Listed struct {
	Ref         Ref // Path, SHA256 and Pin as far as they could be read
	Description method.Description
	Protocol    int // version that host and plugin spoke
	Err         error
}

// errMissing says that an executable was installed and is gone.
var errMissing = errors.New("it was installed, but its file is gone")

// State is what a list says of a plugin.
type State string

// The states of plugins.
const (
	OK        State = "ok"         // shipped, or as it was installed
	NotPinned State = "not pinned" // it works, but nothing tells when its file changes
	Changed   State = "changed"    // refused: not the file that was installed
	Missing   State = "missing"    // installed, but its file is gone
	Broken    State = "broken"     // it cannot be started, or describes something impossible
)

// State sums a line up.
func (l Listed) State() State {
	switch {
	case errors.Is(l.Err, ErrChanged):
		return Changed
	case errors.Is(l.Err, errMissing):
		return Missing
	case l.Err != nil:
		return Broken
	case l.Ref.Shipped() || l.Ref.Pinned():
		return OK
	}
	return NotPinned
}

// List finds and describes every plugin, kind by kind, each in alphabetical order, then what was installed and is gone. A
// plugin that cannot be asked stands in the list with its error; List itself fails only when ctx ends.
func (h *Host) List(ctx context.Context) ([]Listed, error) {
	var all []Ref
	for _, kind := range wire.Kinds() {
		for _, name := range h.known(kind) {
			all = append(all, Ref{Kind: kind, Name: name})
		}
	}
	mapper := iter.Mapper[Ref, Listed]{MaxGoroutines: 2 * runtime.GOMAXPROCS(0)} // starting a process is mostly waiting
	out := mapper.Map(all, func(r *Ref) Listed { return h.look(ctx, *r) })
	return append(out, h.missing()...), ctx.Err()
}

func (h *Host) look(ctx context.Context, r Ref) Listed {
	ref, err := h.Locate(r.Kind, r.Name)
	if err != nil {
		return Listed{Ref: r, Err: err}
	}
	if !ref.Shipped() {
		if ref, err = h.inspect(ref); err != nil {
			return Listed{Ref: ref, Err: err}
		}
	}
	l := Listed{Ref: ref}
	var p Provenance
	p, l.Err = h.ask(ctx, ref, func(_ context.Context, _ *client.Client, d method.Description) error {
		l.Description = d
		return nil
	})
	l.Protocol = p.Protocol
	return l
}

// missing lists the lines of locks whose file is gone.
func (h *Host) missing() (out []Listed) {
	for _, dir := range h.Dirs() {
		pins, err := lockfile.Read(dir)
		if err != nil {
			continue // its plugins are listed as broken, with this reason
		}
		for _, kind := range wire.Kinds() {
			for file, pin := range pins {
				name, ours := nameIn(file, kind)
				if _, err := os.Stat(filepath.Join(dir, file)); !ours || !errors.Is(err, fs.ErrNotExist) {
					continue
				}
				ref := Ref{Kind: kind, Name: name, Path: filepath.Join(dir, file), SHA256: pin.SHA256, Pin: pin}
				out = append(out, Listed{Ref: ref, Err: fault.New(fault.Plugin,
					"install it again, or forget it: sslctl plugin remove "+name, "%s: %w", ref, errMissing)})
			}
		}
	}
	return out
}

// LocateInstalled is Locate, and finds also what a lock still names though its file is gone.
func (h *Host) LocateInstalled(kind wire.Kind, name string) (Ref, error) {
	ref, err := h.Locate(kind, name)
	if err == nil && !ref.Shipped() {
		return ref, nil
	}
	for _, l := range h.missing() {
		if l.Ref.Kind == kind && l.Ref.Name == name {
			return l.Ref, nil
		}
	}
	return ref, err
}

// nameIn reads the name of a plugin of a kind from the name of its file.
func nameIn(file string, kind wire.Kind) (name string, ok bool) {
	name, ours := strings.CutPrefix(file, prefix(kind))
	name, plain := strings.CutSuffix(name, suffix())
	return name, ours && plain
}
