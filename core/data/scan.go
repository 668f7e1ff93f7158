package data

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/core/fault"
)

// What the digest of a folder reads of its files.
const (
	sampledFiles = 64
	sampledBytes = 1 << 20
)

// tree is what a folder of images holds.
type tree struct {
	root        string
	classes     []string
	train, test []item // by class, then by path
}

// scan lists a folder in one of the forms that Open describes.
func scan(ctx context.Context, root string) (*tree, error) {
	t := &tree{root: root}
	val := ""
	for _, name := range []string{"val", "test"} {
		if val == "" && isDir(filepath.Join(root, name)) {
			val = name
		}
	}
	base := ""
	switch {
	case isDir(filepath.Join(root, "train")):
		base = "train"
	case val != "":
		return nil, fault.New(fault.Data, "name the training images' folder \"train\"", "%s has a folder %q but none %q", root, val, "train")
	}
	var err error
	if t.classes, t.train, err = scanSplit(ctx, root, base); err != nil {
		return nil, err
	}
	if len(t.train) == 0 {
		return nil, fault.New(fault.Data, "put images (.jpg, .jpeg, .png, .webp) into one sub-folder for each class",
			"no images in %s", filepath.Join(root, base))
	}
	if base != "" && val != "" {
		return t, t.addTest(ctx, val)
	}
	if len(t.classes) > 0 {
		t.holdOut()
	}
	return t, nil
}

// scanSplit lists the images below root/base: the classes are its sub-folders, or there are none and the images
// lie in the folder itself.
func scanSplit(ctx context.Context, root, base string) (classes []string, items []item, err error) {
	entries, err := os.ReadDir(filepath.Join(root, base))
	if err != nil {
		return nil, nil, fault.New(fault.Data, "check path and rights", "folder of images: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || !isDir(filepath.Join(root, base, e.Name())) {
			continue
		}
		found, err := scanClass(ctx, root, path.Join(base, e.Name()), len(classes))
		if err != nil {
			return nil, nil, err
		}
		if len(found) == 0 {
			return nil, nil, fault.New(fault.Data, "delete it or add images (.jpg, .jpeg, .png, .webp)",
				"class folder %s holds no images", filepath.Join(root, base, e.Name()))
		}
		classes, items = append(classes, e.Name()), append(items, found...)
	}
	if len(classes) > 0 {
		return classes, items, nil
	}
	for _, e := range entries {
		if !isImage(e.Name()) {
			continue
		}
		it, ok, err := stat(root, path.Join(base, e.Name()), -1)
		if err != nil {
			return nil, nil, err
		}
		if ok {
			items = append(items, it)
		}
	}
	return nil, items, nil
}

// scanClass lists the images of a class and its sub-folders, sorted by path.
func scanClass(ctx context.Context, root, class string, label int) ([]item, error) {
	var items []item
	err := fs.WalkDir(os.DirFS(root), class, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		hidden := strings.HasPrefix(d.Name(), ".")
		switch {
		case hidden && d.IsDir():
			return fs.SkipDir
		case hidden || d.IsDir() || !isImage(p):
			return nil
		}
		it, ok, err := stat(root, p, label)
		if ok {
			items = append(items, it)
		}
		return err
	})
	if err != nil {
		return nil, fault.New(fault.Data, "check path and rights", "folder of images: %w", err)
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.path, b.path) })
	return items, nil
}

// stat is the item of a file, through a link; ok is false where it is none, such as a folder named like an image.
func stat(root, p string, label int) (it item, ok bool, err error) {
	info, err := os.Stat(filepath.Join(root, p))
	if err != nil {
		return item{}, false, fault.New(fault.Data, "check links and rights", "folder of images: %w", err)
	}
	return item{path: p, label: label, size: info.Size()}, info.Mode().IsRegular(), nil
}

// isImage tells by its extension.
func isImage(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".jpg", ".jpeg", ".png", ".webp":
		return !strings.HasPrefix(path.Base(name), ".")
	}
	return false
}

// addTest lists the test set and gives it the labels of the training set's classes.
func (t *tree) addTest(ctx context.Context, base string) error {
	classes, items, err := scanSplit(ctx, t.root, base)
	if err != nil {
		return err
	}
	if (len(classes) == 0) != (len(t.classes) == 0) {
		return fault.New(fault.Data, "give both the same sub-folders of classes, or neither",
			"%s has %d classes, but the training set has %d", filepath.Join(t.root, base), len(classes), len(t.classes))
	}
	labels := make([]int, len(classes))
	for i, c := range classes {
		label, ok := slices.BinarySearch(t.classes, c)
		if !ok {
			return fault.New(fault.Data, "every class needs training images", "class %q of %s is not in the training set",
				c, filepath.Join(t.root, base))
		}
		labels[i] = label
	}
	for i := range items {
		if items[i].label >= 0 {
			items[i].label = labels[items[i].label]
		}
	}
	t.test = items
	return nil
}

// holdOut moves every tenth image of each class to the test set: of n >= 2 images the max(1, round(n/10)) with the
// smallest SHA-256 of their paths.
func (t *tree) holdOut() {
	var train, test []item
	for lo := 0; lo < len(t.train); {
		hi := lo
		for hi < len(t.train) && t.train[hi].label == t.train[lo].label {
			hi++
		}
		class := t.train[lo:hi]
		ranks := make([][sha256.Size]byte, len(class))
		order := make([]int, len(class))
		for i, it := range class {
			ranks[i], order[i] = sha256.Sum256([]byte(it.path)), i
		}
		slices.SortFunc(order, func(a, b int) int { return bytes.Compare(ranks[a][:], ranks[b][:]) })
		held := make([]bool, len(class))
		if n := len(class); n >= 2 {
			for _, i := range order[:max(1, (n+5)/10)] {
				held[i] = true
			}
		}
		for i, it := range class {
			if held[i] {
				test = append(test, it)
			} else {
				train = append(train, it)
			}
		}
		lo = hi
	}
	t.train, t.test = train, test
}

// bytes is the size of all files.
func (t *tree) bytes() int64 {
	var n int64
	for _, items := range [][]item{t.train, t.test} {
		for _, it := range items {
			n += it.size
		}
	}
	return n
}

// digest identifies the content as Open describes.
func (t *tree) digest(ctx context.Context) (string, error) {
	all := slices.Concat(t.train, t.test)
	h := sha256.New()
	for _, it := range all {
		fmt.Fprintf(h, "%q %d %d\n", it.path, it.label, it.size)
	}
	n := min(sampledFiles, len(all))
	for i := range n {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		it := all[i*len(all)/n]
		if err := sample(h, filepath.Join(t.root, it.path)); err != nil {
			return "", fault.New(fault.Data, "check rights and disk", "read image: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sample writes the beginning of a file to w.
func sample(w io.Writer, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, io.LimitReader(f, sampledBytes))
	return err
}
