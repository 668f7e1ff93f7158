package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/adrg/xdg"
	"github.com/agnivade/levenshtein"
	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host/lockfile"
	"github.com/sslctl/sslctl/sdk/wire"
	"github.com/sslctl/sslctl/sdk/wire/fromproto"
)

// PathKey is the variable that lists further folders to search, separated as in PATH.
const PathKey = "SSLCTL_PLUGIN_PATH"

// Ref names a plugin that was found.
type Ref struct {
	Kind   wire.Kind
	Name   string
	Path   string       // of the executable; "" for what the binary ships
	SHA256 string       // of the executable, in hexadecimal; it is checked at each start; "" for what the binary ships
	Pin    lockfile.Pin // what plugins.lock says of it, which SHA256 equals; zero where it was not installed but put there
}

// Pinned reports whether the plugin was installed, so that a changed executable is refused.
func (r Ref) Pinned() bool { return r.Pin.SHA256 != "" }

// Shipped reports whether the binary serves the plugin itself.
func (r Ref) Shipped() bool { return r.Path == "" }

func (r Ref) String() string {
	if r.Shipped() {
		return fmt.Sprintf("%s %q (shipped)", r.Kind, r.Name)
	}
	return fmt.Sprintf("%s %q (%s)", r.Kind, r.Name, r.Path)
}

// Dirs are the folders that are searched, in order:
//
//  1. Options.PluginDirs (--plugin-dir)
//  2. $SSLCTL_PLUGIN_PATH
//  3. ./.sslctl/plugins
//  4. $XDG_DATA_HOME/sslctl/plugins
//
// What the binary ships comes last, so that a plugin of the same name replaces it.
func (h *Host) Dirs() []string {
	dirs := slices.Clone(h.options.PluginDirs)
	dirs = append(dirs, filepath.SplitList(os.Getenv(PathKey))...)
	return append(dirs, ProjectDir(), UserDir())
}

// ProjectDir is the folder of the plugins of the project that sslctl is started in.
func ProjectDir() string { return filepath.Join(".sslctl", "plugins") }

// UserDir is the folder of the user's plugins.
func UserDir() string { return filepath.Join(dataHome(), "sslctl", "plugins") }

// dataHome is read at each call; the library reads the environment once, when the program starts.
func dataHome() string {
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return dir
	}
	return xdg.DataHome
}

// Find finds a plugin by name. An unknown name is a fault of usage, whose hint has the nearest name and all there are.
// A file of the right name that cannot be used is a fault of the plugin and does not fall through to the next folder.
func (h *Host) Find(kind wire.Kind, name string) (Ref, error) {
	ref, err := h.Locate(kind, name)
	if err != nil || ref.Shipped() {
		return ref, err
	}
	if ref, err = h.inspect(ref); err != nil {
		return Ref{}, err
	}
	h.notice(ref)
	return ref, nil
}

// Locate finds a plugin by name as Find does, and looks no further: its file may be unusable. SHA256 and Pin are not read.
func (h *Host) Locate(kind wire.Kind, name string) (Ref, error) {
	if err := fromproto.Name(name); err != nil {
		return Ref{}, fault.New(fault.Usage, "a plugin is named without its folder; give that by --plugin-dir", "%s: %w", kind, err)
	}
	path, err := h.file(kind, name)
	if err != nil {
		return Ref{}, err
	}
	if path != "" || h.ships(kind, name) {
		return Ref{Kind: kind, Name: name, Path: path}, nil
	}
	return Ref{}, h.unknown(kind, name)
}

// file is the first file of a plugin's name in the folders; "" where there is none.
func (h *Host) file(kind wire.Kind, name string) (string, error) {
	for _, dir := range h.Dirs() {
		path, err := filepath.Abs(filepath.Join(dir, FileName(kind, name)))
		if err != nil {
			return "", fmt.Errorf("%s %q: %w", kind, name, err)
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	return "", nil
}

// free checks that a plugin does not have the name of what needs none: a name says which network a run trains, and the one
// that sslctl brings must not become another by a file in a folder.
func (h *Host) free(ref Ref) error {
	if !slices.Contains(h.options.Taken[ref.Kind], ref.Name) {
		return nil
	}
	return fault.New(fault.Plugin, "rename the plugin, or remove its file", "%s has the name of a %s that is part of sslctl", ref, ref.Kind)
}

// Clash is the error of a plugin that has a name of Options.Taken; nil where there is none.
func (h *Host) Clash(kind wire.Kind, name string) error {
	path, err := h.file(kind, name)
	if err != nil || path == "" {
		return err
	}
	return h.free(Ref{Kind: kind, Name: name, Path: path})
}

// notice says once of a plugin what its user may not know: that it hides a shipped one, that nobody installed it.
func (h *Host) notice(ref Ref) {
	h.mu.Lock()
	seen := h.noticed[ref.Path]
	h.noticed[ref.Path] = true
	h.mu.Unlock()
	if seen {
		return
	}
	if h.ships(ref.Kind, ref.Name) {
		h.logger.Info("a plugin replaces what is shipped", zap.String(string(ref.Kind), ref.Name), zap.String("path", ref.Path))
	}
	if !ref.Pinned() {
		h.logger.Info("a plugin is not pinned, so nothing tells when its file changes; sslctl plugin install pins it", zap.String("path", ref.Path))
	}
}

func (h *Host) ships(kind wire.Kind, name string) bool {
	return h.options.Self != "" && slices.Contains(h.options.Shipped[kind], name)
}

// FileName is the name of a plugin's executable: sslctl-method-vicreg.
func FileName(kind wire.Kind, name string) string { return prefix(kind) + name + suffix() }

func prefix(kind wire.Kind) string { return "sslctl-" + string(kind) + "-" }

func suffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// inspect checks that a plugin's name is free to it, and its file.
func (h *Host) inspect(ref Ref) (Ref, error) {
	if err := h.free(ref); err != nil {
		return ref, err
	}
	return inspect(ref)
}

// inspect checks that a file can be started, and hashes it. The result is as far as it came where there is an error.
func inspect(ref Ref) (Ref, error) {
	info, err := os.Stat(ref.Path)
	switch {
	case err != nil:
		return ref, fault.New(fault.Plugin, "check the folder's permissions", "%s: %w", ref, err)
	case !info.Mode().IsRegular():
		return ref, fault.New(fault.Plugin, "put the plugin's executable there, or move that away", "%s is not a file", ref)
	case runtime.GOOS != "windows" && info.Mode()&0o111 == 0:
		return ref, fault.New(fault.Plugin, "chmod +x "+ref.Path, "%s is not executable", ref)
	}
	if ref.SHA256, err = SHA256(ref.Path); err != nil {
		return ref, fault.New(fault.Plugin, "", "%s: %w", ref, err)
	}
	return verify(ref)
}

// known lists the names that can be found, whether or not their files can be used.
func (h *Host) known(kind wire.Kind) []string {
	var names []string
	for _, dir := range h.Dirs() {
		entries, _ := os.ReadDir(dir) // a folder that is not there holds nothing
		for _, e := range entries {
			if name, ours := nameIn(e.Name(), kind); ours && fromproto.Name(name) == nil {
				names = append(names, name)
			}
		}
	}
	if h.options.Self != "" {
		names = append(names, h.options.Shipped[kind]...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (h *Host) unknown(kind wire.Kind, name string) error {
	names := append(slices.Clone(h.options.Taken[kind]), h.known(kind)...)
	hint := fmt.Sprintf("there is no %s; put sslctl-%s-NAME into one of %s", kind, kind, strings.Join(h.Dirs(), ", "))
	if len(names) > 0 {
		hint = fmt.Sprintf("there are %s", strings.Join(names, ", "))
		if near := nearest(name, names); near != "" {
			hint = fmt.Sprintf("did you mean %q? %s", near, hint)
		}
	}
	return fault.New(fault.Usage, hint, "unknown %s %q", kind, name)
}

// nearest is the name with the fewest edits, at most a third of its letters; "" where none is near.
func nearest(name string, names []string) string {
	best, edits := "", 0
	for _, n := range names {
		d := levenshtein.ComputeDistance(name, n)
		if d <= max(1, len(n)/3) && (best == "" || d < edits) {
			best, edits = n, d
		}
	}
	return best
}
