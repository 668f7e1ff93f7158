package dl

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Search is where libraries are looked for, in this order.
type Search []Place

// Place is a folder, or the system's loader where Folder is empty: it knows /etc/ld.so.cache and LD_LIBRARY_PATH.
type Place struct {
	Folder string
	Group  string // stands for the folder and those like it in messages: "/venv/lib/python3.12/site-packages/nvidia/*/lib"
}

// loader is the system's.
var loader = Place{Group: "the system's libraries"}

// Variable is the environment variable with folders to look in first, separated as in PATH.
const Variable = "SSLCTL_CUDA_PATH"

// only is the last element of Variable's list that ends the search there.
const only = "only"

// Default is the search of this environment:
//
//  1. the folders of SSLCTL_CUDA_PATH; where "only" stands behind them, nowhere else;
//  2. the system's loader;
//  3. CUDA toolkits, /usr/local/cuda and /usr/local/cuda-*, the newest first;
//  4. NVIDIA's Python wheels (site-packages/nvidia/*/lib) of the virtual environment, of conda's, of the user, of the system.
func Default() Search { return search(os.Getenv, "/") }

// In is a search in folders and nowhere else.
func In(folders ...string) Search {
	var s Search
	for _, f := range folders {
		s = append(s, Place{Folder: f, Group: f})
	}
	return s
}

// search is Default with the environment and the root of the file system as arguments.
func search(getenv func(string) string, root string) Search {
	var s Search
	for _, f := range filepath.SplitList(getenv(Variable)) {
		switch f {
		case "":
		case only:
			return s
		default:
			s = append(s, Place{Folder: f, Group: f})
		}
	}
	s = append(s, loader)
	s = s.add(filepath.Join(root, "usr/local/cuda/lib64"))
	s = s.add(filepath.Join(root, "usr/local/cuda-*/lib64"))
	for _, packages := range sitePackages(getenv, root) {
		s = s.add(filepath.Join(packages, "nvidia/*/lib"))
	}
	return s
}

// sitePackages are patterns of the folders into which pip installs, the nearest first.
func sitePackages(getenv func(string) string, root string) []string {
	var out []string
	for _, v := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if prefix := getenv(v); prefix != "" {
			out = append(out, filepath.Join(prefix, "lib/python3*/site-packages"))
		}
	}
	if home := getenv("HOME"); home != "" {
		out = append(out, filepath.Join(home, ".local/lib/python3*/site-packages"))
	}
	return append(out, filepath.Join(root, "usr/local/lib/python3*/*-packages"), filepath.Join(root, "usr/lib/python3*/*-packages"))
}

// add appends the folders that match a pattern and are not there yet, the newest version first.
func (s Search) add(pattern string) Search {
	folders, err := filepath.Glob(pattern)
	if err != nil { // a variable's value can hold a bracket; such a folder is not looked in
		return s
	}
	slices.SortFunc(folders, newestFirst)
	for _, f := range folders {
		if !slices.ContainsFunc(s, func(p Place) bool { return p.Folder == f }) {
			s = append(s, Place{Folder: f, Group: pattern})
		}
	}
	return s
}

// Open opens the first library that can be opened, of the files in their order within a place. Else *MissingLibrary.
func (s Search) Open(spec Spec) (*Library, error) {
	missing := &MissingLibrary{Name: spec.Name, Files: spec.Files, Hint: spec.Hint}
	if !Supported {
		missing.Hint = "take a binary that was built for Linux without the tag nocuda, as by make build"
		return nil, missing
	}
	for _, place := range s {
		for _, file := range spec.Files {
			l, err := open(place, file, spec)
			if err == nil {
				return l, nil
			}
			if there(place, file) {
				missing.Broken = append(missing.Broken, err)
			}
		}
		if !slices.Contains(missing.Searched, place.Group) {
			missing.Searched = append(missing.Searched, place.Group)
		}
	}
	return nil, missing
}

// there reports whether a file exists, so that it is worth saying why it could not be opened.
func there(place Place, file string) bool {
	if place.Folder == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(place.Folder, file))
	return err == nil
}

// newestFirst orders names by the numbers in them, the greatest first: cuda-13.0, cuda-12.10, cuda-12.9.
func newestFirst(a, b string) int {
	for a != "" && b != "" {
		na, resta := leading(a)
		nb, restb := leading(b)
		switch {
		case len(na) != len(nb) && isNumber(na) && isNumber(nb):
			return len(nb) - len(na)
		case na != nb:
			return strings.Compare(nb, na)
		}
		a, b = resta, restb
	}
	return len(b) - len(a)
}

// leading splits off the digits, or the other characters, with which a name begins; leading zeros are not expected.
func leading(name string) (part, rest string) {
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	n := 1
	for n < len(name) && digit(name[n]) == digit(name[0]) {
		n++
	}
	return name[:n], name[n:]
}

func isNumber(s string) bool { return '0' <= s[0] && s[0] <= '9' }
