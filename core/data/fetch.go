package data

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sslctl/sslctl/core/durable"
	"github.com/sslctl/sslctl/core/fault"
)

// EnvMirror is the environment variable that names a mirror of datasets.
const EnvMirror = "SSLCTL_MIRROR"

// FetchOptions say where Fetch downloads from. The zero value is right for most.
type FetchOptions struct {
	// Mirror is the base address of a mirror, which has a file of a dataset at MIRROR/DATASET/FILE
	// (https://example.org/data/cifar10/cifar-10-binary.tar.gz). "" stands for the environment's SSLCTL_MIRROR or, where that
	// is empty too, for the addresses at which the dataset is published.
	Mirror string
	// Progress is told how many bytes of a file are there, and how many it has as published; may be nil.
	Progress func(file string, done, total int64)
	// Client makes the requests; nil for one that goes by the environment's proxy settings.
	Client *http.Client
	// Stall is how long a connection may give no byte before it is tried anew; 0 for 30 s.
	Stall time.Duration
}

// Fetch brings a dataset into a folder of its name below dir and says what it brought. dir "" stands for the
// environment's SSLCTL_DATA_DIR or, where that is empty too, for HomeDir.
//
// What is there and right stays. Fashion-MNIST is copied from Debian's package dataset-fashion-mnist where that is
// installed; all else is downloaded. A download that was cut off goes on where it ended, at the next call too. Nothing
// comes under its final name before its content has the published SHA-256, so a folder never holds half a file. Of
// several processes that fetch the same dataset into the same folder one works and the others wait for it.
//
// Errors: fault.Usage for a dataset that cannot be fetched, fault.Data when no address gives the right content; the
// context's error when it ends.
func Fetch(ctx context.Context, name, dir string, o FetchOptions) (Info, error) {
	e, ok := lookup(name)
	if !ok {
		var can []string
		for _, e := range catalogue() {
			can = append(can, e.info.Name)
		}
		return Info{}, fault.New(fault.Usage, "can be fetched: "+strings.Join(can, ", "), "cannot fetch dataset %q", name)
	}
	if dir == "" {
		dir = os.Getenv(EnvDir)
	}
	if dir == "" {
		dir = HomeDir()
	}
	return newFetcher(o, debianDir).fetch(ctx, e, filepath.Join(dir, e.folders[0]))
}

// fetcher brings the artefacts of datasets.
type fetcher struct {
	FetchOptions
	system string        // where packages of the system put datasets
	pause  time.Duration // before the second attempt; doubled for each further one
}

// attempts is how often one address is tried without getting on.
const attempts = 4

func newFetcher(o FetchOptions, system string) *fetcher {
	if o.Mirror == "" {
		o.Mirror = os.Getenv(EnvMirror)
	}
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	if o.Stall == 0 {
		o.Stall = 30 * time.Second
	}
	return &fetcher{FetchOptions: o, system: system, pause: time.Second}
}

// fetch brings all artefacts of a dataset into target.
func (f *fetcher) fetch(ctx context.Context, e entry, target string) (Info, error) {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return Info{}, fault.New(fault.Data, "choose another folder with --data-dir", "fetch %s: %w", e.info.Name, err)
	}
	unlock, err := lockFolder(ctx, target)
	if err != nil {
		return Info{}, fmt.Errorf("fetch %s: %w", e.info.Name, err)
	}
	defer func() { _ = unlock() }() // the folder was only read
	for _, a := range e.artefacts {
		if err := f.bring(ctx, e, a, target); err != nil {
			if ctx.Err() != nil {
				return Info{}, fmt.Errorf("fetch %s: %w", e.info.Name, context.Cause(ctx))
			}
			return Info{}, fault.New(fault.Data, f.hint(e, target, err), "fetch %s: %w", e.info.Name, err)
		}
	}
	info := e.info
	info.Present, info.Dir, info.Official = true, target, true
	return info, nil
}

// hint says what to do about a failed fetch.
func (f *fetcher) hint(e entry, target string, err error) string {
	if durable.IsFull(err) {
		return fmt.Sprintf("make room for %d MB, or choose another folder with --data-dir", e.info.Bytes/1e6)
	}
	h := fmt.Sprintf("name a mirror with --mirror or %s, or put the files into %s", EnvMirror, target)
	if e.info.Name == "fashion-mnist" {
		h += "; on Debian: apt install dataset-fashion-mnist"
	}
	return h
}

// bring has one artefact's content in target, by the cheapest way.
func (f *fetcher) bring(ctx context.Context, e entry, a artefact, target string) error {
	if present(ctx, a, target) || f.copyFromSystem(ctx, e, a, target) {
		f.Progress(a.name, a.size, a.size)
		return ctx.Err()
	}
	var failed error
	for _, address := range f.addresses(e, a) {
		err := f.bringFrom(ctx, address, a, target)
		if err == nil || ctx.Err() != nil {
			return err
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// addresses are where an artefact can be had, in order of preference.
func (f *fetcher) addresses(e entry, a artefact) []string {
	var all []string
	if f.Mirror != "" {
		return append(all, strings.TrimRight(f.Mirror, "/")+"/"+url.PathEscape(e.info.Name)+"/"+a.name)
	}
	for _, base := range e.addresses {
		all = append(all, base+"/"+a.name)
	}
	return all
}

// bringFrom downloads an artefact, checks it and puts it into its place. A file that was resumed and turns out
// wrong is downloaded once more from its beginning, for the remains may have been of another file.
func (f *fetcher) bringFrom(ctx context.Context, address string, a artefact, target string) error {
	part := filepath.Join(target, "."+a.name+".part")
	for {
		resumed, err := f.download(ctx, address, part, a)
		if err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
		err = install(ctx, part, a, target)
		if err == nil || ctx.Err() != nil {
			return err
		}
		if gone := os.Remove(part); gone != nil && !errors.Is(gone, os.ErrNotExist) {
			return errors.Join(err, gone)
		}
		if !resumed {
			return fmt.Errorf("%s: %w", address, err)
		}
	}
}
