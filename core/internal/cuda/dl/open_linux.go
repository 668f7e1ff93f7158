//go:build linux && (amd64 || arm64) && !nocuda

package dl

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/ebitengine/purego"
)

// Supported says whether this binary can open libraries at all.
const Supported = true

// open opens a file of a place, after what its spec says to open before it.
func open(place Place, file string, spec Spec) (*Library, error) {
	path := file
	if place.Folder != "" {
		path = filepath.Join(place.Folder, file)
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
		openBefore(place.Folder, spec.Before)
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	if place.Folder == "" {
		path = loadedFrom(file)
	}
	return &Library{Name: spec.Name, Path: path, handle: handle}, nil
}

// openBefore opens the files of a folder that match. The library itself complains about what does not open, if it needs it.
func openBefore(folder string, patterns []string) {
	for _, pattern := range patterns {
		files, _ := filepath.Glob(filepath.Join(folder, pattern))
		for _, f := range files {
			_, _ = purego.Dlopen(f, purego.RTLD_NOW|purego.RTLD_LOCAL)
		}
	}
}

// loadedFrom is the path from which the loader took a library, or its name where the kernel does not tell: a library's file
// name often has more digits than the name by which it is asked for.
func loadedFrom(file string) string {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return file
	}
	for line := range strings.Lines(string(maps)) {
		at := strings.IndexByte(line, '/')
		if at < 0 {
			continue
		}
		path := strings.TrimSpace(line[at:])
		if base := filepath.Base(path); base == file || strings.HasPrefix(base, file+".") || strings.HasPrefix(base, stem(file)+"-") {
			return path
		}
	}
	return file
}

// stem is a library's name without ".so" and what follows: some files put the version there, libcuda-550.54.so.
func stem(file string) string {
	name, _, _ := strings.Cut(file, ".so")
	return name
}

// find is the address of a function, 0 where the library has none.
func find(handle uintptr, name string) uintptr {
	a, err := purego.Dlsym(handle, name)
	if err != nil {
		return 0
	}
	return a
}

// call calls a C function.
func call(f uintptr, args []uintptr) uintptr {
	r, _, _ := purego.SyscallN(f, args...)
	return r
}
