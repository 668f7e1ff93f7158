package data

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/fault"
)

// item is an image file of a folder.
type item struct {
	path  string // relative to the folder that was opened, with slashes
	label int    // -1 without labels
	size  int64  // bytes
}

// folder is a dataset of image files, grouped by class. Images are decoded on demand.
type folder struct {
	name      string
	root      string
	classes   []string
	items     []item
	size      int
	shortSide int // images are shrunk to it; 0 for never
	skip      bool
	skips     *skipList
	cache     *cache
	standIns  sync.Map // number of a corrupt image -> number of the one that stands in for it
}

func (f *folder) Name() string      { return f.name }
func (f *folder) Len() int          { return len(f.items) }
func (f *folder) Classes() []string { return f.classes }
func (f *folder) Channels() int     { return 3 }
func (f *folder) Size() int         { return f.size }
func (f *folder) Label(i int) int   { return f.items[i].label }

// Image decodes image i or takes it from the cache. Where it is corrupt and corrupt images are skipped, the next
// one of the same class (in the order of the dataset, around its end) that is whole stands in.
func (f *folder) Image(i int) (augment.Image, error) {
	at := i
	if j, ok := f.standIns.Load(i); ok {
		at = j.(int)
	}
	img, err := f.load(at)
	if err == nil || !f.skip || !isCorrupt(err) {
		return img, f.explain(err)
	}
	lo, hi := f.classRange(i)
	for k := 1; k < hi-lo; k++ {
		f.skips.add(Skip{Path: filepath.Join(f.root, f.items[at].path), Err: err})
		at = lo + (i-lo+k)%(hi-lo)
		img, err = f.load(at)
		if err == nil {
			f.standIns.Store(i, at)
			return img, nil
		}
		if !isCorrupt(err) {
			return augment.Image{}, f.explain(err)
		}
	}
	return augment.Image{}, fault.New(fault.Data, "replace the files", "no image of the class of %s can be decoded: %w", f.items[i].path, err)
}

// load decodes image i itself.
func (f *folder) load(i int) (augment.Image, error) {
	if img, ok := f.cache.get(i); ok {
		return img, nil
	}
	img, err := decodeFile(filepath.Join(f.root, f.items[i].path), f.shortSide)
	if err != nil {
		return augment.Image{}, err
	}
	f.cache.put(i, img)
	return img, nil
}

// explain gives an error of load its exit code and hint.
func (f *folder) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case isCorrupt(err):
		return fault.New(fault.Data, "replace or delete the file, or skip such files with --on-corrupt skip", "corrupt image: %w", err)
	}
	return fault.New(fault.Data, "the file could be listed but not read: check rights and disk", "read image: %w", err)
}

// classRange is the range of the images with the label of image i; they stand together.
func (f *folder) classRange(i int) (lo, hi int) {
	label := f.items[i].label
	for lo = i; lo > 0 && f.items[lo-1].label == label; lo-- {
	}
	for hi = i + 1; hi < len(f.items) && f.items[hi].label == label; hi++ {
	}
	return lo, hi
}

// openFolder lists a folder of images and splits it.
func openFolder(ctx context.Context, dir string, o Options) (*Splits, error) {
	t, err := scan(ctx, dir)
	if err != nil {
		return nil, err
	}
	sum, err := t.digest(ctx)
	if err != nil {
		return nil, err
	}
	size := o.Size
	if size == 0 {
		size = DefaultFolderSize
	}
	short := max(o.ShortSide, 0)
	if o.ShortSide == 0 {
		short = 2 * size
	}
	budget := newBudget(o.CacheBytes)
	skips := &skipList{tell: o.OnSkip}
	half := func(items []item) *folder {
		return &folder{name: dir, root: dir, classes: t.classes, items: items, size: size, shortSide: short,
			skip: o.OnCorrupt == SkipCorrupt, skips: skips, cache: newCache(len(items), budget)}
	}
	s := &Splits{Train: half(t.train), Test: half(t.test), Digest: sum, skips: skips}
	s.Info = Info{
		Name: dir, Title: fmt.Sprintf("folder of images, %d classes", len(t.classes)), Source: dir,
		Train: len(t.train), Test: len(t.test), Classes: t.classes, Channels: 3, Size: size,
		Mean: []float32{0.485, 0.456, 0.406}, Std: []float32{0.229, 0.224, 0.225}, // ImageNet's, as the field's recipes use
		Bytes: t.bytes(), Present: true, Dir: dir, Digest: sum,
	}
	return s, nil
}

// isDir reports whether path is a folder, also through a link.
func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
