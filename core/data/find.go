package data

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"

	"github.com/sslctl/sslctl/core/fault"
)

// EnvDir is the environment variable that names a folder of datasets.
const EnvDir = "SSLCTL_DATA_DIR"

// debianDir is where Debian's dataset packages put their files.
const debianDir = "/usr/share/datasets"

// finder knows the folders in which datasets may lie.
type finder struct {
	named  []string // by the caller or the environment: their files may also lie in them directly
	shared []string // the user's and the system's
}

// newFinder looks in dir first where it is not "".
func newFinder(dir string) finder {
	f := finder{shared: []string{HomeDir(), debianDir}}
	for _, d := range []string{dir, os.Getenv(EnvDir)} {
		if d != "" {
			f.named = append(f.named, d)
		}
	}
	return f
}

// HomeDir is the user's folder of datasets, into which Fetch writes when it is told no other.
func HomeDir() string { return filepath.Join(xdg.DataHome, "sslctl") }

// find is the folder with the files of a dataset. A folder counts when it holds the first of them.
func (f finder) find(e entry) (string, error) {
	var candidates []string
	for _, root := range f.named {
		for _, below := range e.folders {
			candidates = append(candidates, filepath.Join(root, below))
		}
		candidates = append(candidates, root)
	}
	for _, root := range f.shared {
		for _, below := range e.folders {
			candidates = append(candidates, filepath.Join(root, below))
		}
	}
	for _, dir := range candidates {
		if exists(filepath.Join(dir, e.members()[0].name)) || exists(filepath.Join(dir, e.members()[0].name+".gz")) {
			return dir, nil
		}
	}
	roots := append(append([]string{}, f.named...), f.shared...)
	return "", fault.New(fault.Data, f.fetchHint(e), "dataset %s not found in %s", e.info.Name, strings.Join(roots, ", "))
}

// fetchHint is the command that brings a dataset to where the finder looks first.
func (f finder) fetchHint(e entry) string {
	if len(f.named) == 0 {
		return "run: sslctl data fetch " + e.info.Name
	}
	return fmt.Sprintf("run: sslctl data fetch %s --data-dir %s", e.info.Name, f.named[0])
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
