package data

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/fault"
)

// Dataset is a numbered set of images of one kind. All methods may be called from several goroutines at once.
type Dataset interface {
	// Name is the dataset's name, as on the command line.
	Name() string
	// Len is the number of images.
	Len() int
	// Classes are the names of the classes; the label of an image is an index into them. Empty without labels.
	Classes() []string
	// Channels is 1 for grayscale and 3 for RGB.
	Channels() int
	// Size is the native edge of the images in pixels; for a folder of images, the edge that training asked for.
	Size() int
	// Label is the class of image i, or -1 where there are no labels.
	Label(i int) int
	// Image is image i. Its pixels are shared and must not be changed. An error names the file.
	Image(i int) (augment.Image, error)
}

// bounded is a dataset that knows the size of its largest image.
type bounded interface{ bounds() (height, width int) }

// Bounds is a size in pixels that no image of a dataset exceeds. It is not known of folders, whose images are decoded one by one.
func Bounds(ds Dataset) (height, width int, known bool) {
	if s, ok := ds.(*subset); ok {
		return Bounds(s.Dataset)
	}
	b, known := ds.(bounded)
	if known {
		height, width = b.bounds()
	}
	return height, width, known
}

// What to do with a corrupt image of a folder.
const (
	FailOnCorrupt = "fail" // stop with an error that names the file
	SkipCorrupt   = "skip" // take the next image of the class in its place, and count the file
)

// DefaultFolderSize is the Size of a folder of images when Options name none.
const DefaultFolderSize = 224

// DefaultCacheBytes bounds the decoded images of a folder that stay in memory when Options name no bound.
const DefaultCacheBytes = 1 << 30

// Options say which dataset to open.
type Options struct {
	Name string // "fashion-mnist", "mnist", "cifar10", "cifar100", "folder", or the path of a folder of images or of a pack
	Dir  string // where to look first; for "folder", the folder itself

	// The rest concerns folders of images only.

	OnCorrupt  string     // FailOnCorrupt (also "") or SkipCorrupt
	OnSkip     func(Skip) // told once of each corrupt file that is skipped, one call at a time; may be nil
	Size       int        // edge of the training crop in pixels; 0 for DefaultFolderSize
	ShortSide  int        // images are shrunk to this short side; 0 for twice Size, negative for never
	CacheBytes int64      // decoded images kept in memory; 0 for DefaultCacheBytes, negative for none
}

// Skip is a corrupt file that another image stands in for.
type Skip struct {
	Path string
	Err  error
}

// Splits are the two halves of an open dataset.
type Splits struct {
	Train Dataset
	Test  Dataset // of length 0 where a folder has neither classes nor a test set
	// Digest identifies the content. For the named datasets it is the SHA-256 over the names and SHA-256 sums of
	// the files' uncompressed content ("sha256sum FILES | sha256sum", training images and labels first, then the
	// test set's), so it does not depend on compression. For a folder see [Open].
	Digest string
	Info   Info
	skips  *skipList
}

// Skipped lists the corrupt files that were skipped so far, sorted by path.
func (s *Splits) Skipped() []Skip { return s.skips.list() }

// Open reads a dataset. The named ones are held in memory as bytes; images of a folder are decoded on demand and
// kept as far as Options.CacheBytes allows.
//
// A folder of images (JPEG, PNG, WebP; told by their extension, decoded by their content) has one of these forms:
//
//	DIR/train/CLASS/*  and  DIR/val/CLASS/* or DIR/test/CLASS/*
//	DIR/train/CLASS/*  or   DIR/CLASS/*     every tenth image of a class is held out as the test set
//	DIR/train/*        or   DIR/*           no labels: all images are for training
//
// Classes are numbered by the sorted names of their folders, whose sub-folders belong to them; names that begin
// with a dot are ignored. The hold-out of a class with n >= 2 images takes the max(1, round(n/10)) whose relative
// paths have the smallest SHA-256, so it depends on nothing but names. The digest of a folder covers the relative
// path, size and class of every file, and the first MiB of 64 files at even distances in that list; times do not
// matter.
//
// A pack is a file that [Pack] wrote. It is mapped into memory; its index is checked here, the pixels of an image when it is asked
// for. Its digest is the SHA-256 over index and description, which hold the sums of all pixels.
//
// Errors carry fault.Usage for an unknown name and fault.Data for what is missing, truncated or corrupt.
func Open(ctx context.Context, o Options) (*Splits, error) {
	switch o.OnCorrupt {
	case "", FailOnCorrupt, SkipCorrupt:
	default:
		return nil, fault.New(fault.Usage, "use \"skip\" or \"fail\"", "unknown action on corrupt images %q", o.OnCorrupt)
	}
	if e, known := lookup(o.Name); known {
		return openKnown(ctx, e, newFinder(o.Dir))
	}
	if o.Name != "folder" && exists(o.Name) {
		return openPack(o.Name, o)
	}
	dir, err := folderPath(o)
	if err != nil {
		return nil, err
	}
	return openFolder(ctx, dir, o)
}

// openKnown reads one of the catalogue's datasets and compares it with what was published.
func openKnown(ctx context.Context, e entry, f finder) (*Splits, error) {
	dir, err := f.find(e)
	if err != nil {
		return nil, err
	}
	read := openIDX
	if e.layout == cifar {
		read = openCIFAR
	}
	s, sums, err := read(ctx, e, dir)
	if err != nil {
		return nil, err
	}
	if other, ok := ownerOf(sums); ok && other != e.info.Name {
		return nil, fault.New(fault.Data, fmt.Sprintf("open it as %q, or name the folder of %s", other, e.info.Name),
			"%s holds %s, not %s", dir, other, e.info.Name)
	}
	s.Digest = digest(sums)
	s.Info = e.info
	s.Info.Train, s.Info.Test, s.Info.Classes = s.Train.Len(), s.Test.Len(), s.Train.Classes()
	s.Info.Present, s.Info.Dir = true, dir
	s.Info.Official = s.Digest == e.info.Digest
	s.Info.Digest = s.Digest
	s.skips = &skipList{}
	return s, nil
}

// folderPath is the folder of images that the options name.
func folderPath(o Options) (string, error) {
	path := o.Name
	if o.Name == "folder" {
		path = o.Dir
		if path == "" {
			return "", fault.New(fault.Usage, "name the folder with --data-dir", "dataset \"folder\" needs a folder")
		}
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return filepath.Clean(path), nil
	case err == nil:
		return "", fault.New(fault.Data, "give a folder with one sub-folder of images for each class", "%s is not a folder", path)
	case o.Name == "folder" || strings.ContainsRune(path, filepath.Separator):
		return "", fault.New(fault.Data, "check the path", "folder of images: %w", err)
	}
	return "", fault.New(fault.Usage, "known are "+strings.Join(names(), ", ")+"; or give the path of a folder of images or of a pack",
		"unknown dataset %q", o.Name)
}
