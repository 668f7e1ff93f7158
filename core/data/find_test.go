package data

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/adrg/xdg"

	"github.com/sslctl/sslctl/core/fault"
)

// TestFind: the caller's folder comes before the environment's, that before the user's, that before the system's.
func TestFind(t *testing.T) {
	e, _ := lookup("mnist")
	named, env, home, system := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	f := finder{named: []string{named, env}, shared: []string{home, system}}
	if _, err := f.find(e); fault.CodeOf(err) != fault.Data || fault.HintOf(err) != "run: sslctl data fetch mnist --data-dir "+named ||
		!strings.Contains(err.Error(), strings.Join([]string{named, env, home, system}, ", ")) {
		t.Errorf("error %v (hint %q)", err, fault.HintOf(err))
	}
	first := map[string][]byte{"train-images-idx3-ubyte.gz": nil}
	write(t, home, first) // files do not lie directly in the user's folder
	if at, err := f.find(e); err == nil {
		t.Errorf("found in %s", at)
	}
	for _, dir := range []string{ // from the last to the first
		filepath.Join(system, "mnist"), filepath.Join(home, "MNIST/raw"), filepath.Join(home, "mnist"),
		env, filepath.Join(env, "mnist"), named, filepath.Join(named, "MNIST/raw"), filepath.Join(named, "mnist"),
	} {
		write(t, dir, first)
		if at, err := f.find(e); err != nil || at != dir {
			t.Errorf("found in %s (error %v), want %s", at, err, dir)
		}
	}
}

func TestFinderReadsTheEnvironment(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	named, env := t.TempDir(), t.TempDir()
	t.Setenv(EnvDir, env)
	f := newFinder(named)
	if len(f.named) != 2 || f.named[0] != named || f.named[1] != env || f.shared[0] != filepath.Join(xdg.DataHome, "sslctl") || f.shared[1] != debianDir {
		t.Errorf("looks in %v", f)
	}
	t.Setenv(EnvDir, "")
	e, _ := lookup("cifar10")
	if hint := newFinder("").fetchHint(e); hint != "run: sslctl data fetch cifar10" {
		t.Errorf("hint %q", hint)
	}
}

func TestList(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "cifar100"), map[string][]byte{"train.bin": cifarRecords(2, 1, fine100), "test.bin": cifarRecords(2, 1, fine100)})
	byName := map[string]Info{}
	for _, i := range List(dir) {
		byName[i.Name] = i
		if len(i.Classes) < 10 || len(i.Mean) != i.Channels || len(i.Std) != i.Channels || i.Train < 50000 || i.Test != 10000 || i.Bytes < 1e7 || i.Title == "" || len(i.Digest) != 64 {
			t.Errorf("%s is described poorly: %+v", i.Name, i)
		}
	}
	if len(byName) != 4 || !byName["cifar100"].Present || byName["cifar100"].Dir != filepath.Join(dir, "cifar100") || byName["mnist"].Present {
		t.Errorf("listed: %v", byName)
	}
	if s := open(t, Options{Name: "cifar100", Dir: dir}); s.Info.Digest == byName["cifar100"].Digest || s.Digest != s.Info.Digest {
		t.Error("made-up content has the published digest")
	}
	if _, err := Open(context.Background(), Options{Name: "mnist", Dir: dir}); fault.CodeOf(err) != fault.Data {
		t.Errorf("error %v for a dataset that is not there", err)
	}
}
