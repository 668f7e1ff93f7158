package data

import (
	"context"
	"fmt"
	"image/color"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sslctl/sslctl/core/fault"
)

// pictures makes PNG files whose colour tells which they are.
func pictures(t testing.TB, names ...string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, n := range names {
		files[n] = picture(t, n)
	}
	return files
}

// picture is a PNG of 6x4 pixels whose colour is a function of its name.
func picture(t testing.TB, name string) []byte {
	t.Helper()
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return pngOf(t, 6, 4, color.RGBA{uint8(h), uint8(h >> 8), uint8(h >> 16), 255})
}

// series are n file names.
func series(format string, n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf(format, i))
	}
	return names
}

// listing shows a half as "label path".
func listing(ds Dataset) []string {
	f := ds.(*folder)
	var all []string
	for i, it := range f.items {
		all = append(all, fmt.Sprintf("%d %s", f.Label(i), it.path))
	}
	return all
}

func TestFolderForms(t *testing.T) {
	for name, c := range map[string]struct {
		files       []string
		classes     []string
		train, test []string
	}{
		"train and val": {
			files:   []string{"train/cat/1.png", "train/ant/b/2.JPEG", "train/ant/1.webp", "train/ant/.hidden.png", "train/.git/x.png", "train/cat/notes.txt", "val/cat/9.png", "test/ant/8.png"},
			classes: []string{"ant", "cat"},
			train:   []string{"0 train/ant/1.webp", "0 train/ant/b/2.JPEG", "1 train/cat/1.png"},
			test:    []string{"1 val/cat/9.png"},
		},
		"train and test": {
			files:   []string{"train/a/1.png", "train/b/1.png", "test/a/2.png"},
			classes: []string{"a", "b"},
			train:   []string{"0 train/a/1.png", "1 train/b/1.png"},
			test:    []string{"0 test/a/2.png"},
		},
		"only classes": { // SHA-256 of the path holds out one of two or three, none of one
			files:   []string{"a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png", "c/1.png", "readme.png"},
			classes: []string{"a", "b", "c"},
			train:   []string{"0 a/1.png", "0 a/3.png", "1 b/1.png", "2 c/1.png"},
			test:    []string{"0 a/2.png", "1 b/2.png"},
		},
		"flat": {
			files: []string{"2.png", "1.jpg", "list.txt"},
			train: []string{"-1 1.jpg", "-1 2.png"},
		},
		"flat train and val": {
			files: []string{"train/2.png", "train/1.png", "val/3.png"},
			train: []string{"-1 train/1.png", "-1 train/2.png"},
			test:  []string{"-1 val/3.png"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, pictures(t, c.files...))
			s := open(t, Options{Name: "folder", Dir: dir})
			if d := cmp.Diff([][]string{c.classes, c.train, c.test}, [][]string{s.Train.Classes(), listing(s.Train), listing(s.Test)}); d != "" {
				t.Error(d)
			}
			if by := open(t, Options{Name: dir}); by.Digest != s.Digest { // by its path
				t.Error("the folder's path as name opens something else")
			}
		})
	}
}

// TestHoldOut: of 10k + 5 images of a class k + 1 are held out, and adding images moves no other but at the edge.
func TestHoldOut(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, pictures(t, series("c/%03d.png", 45)...))
	s := open(t, Options{Name: dir})
	if s.Test.Len() != 5 || s.Train.Len() != 40 {
		t.Fatalf("%d of 45 images held out, want 5", s.Test.Len())
	}
	both := append(listing(s.Train), listing(s.Test)...)
	slices.Sort(both)
	if len(slices.Compact(both)) != 45 {
		t.Error("the halves overlap")
	}
	copied := t.TempDir()
	write(t, copied, pictures(t, series("c/%03d.png", 45)...))
	if again := open(t, Options{Name: copied}); !slices.Equal(listing(again.Test), listing(s.Test)) {
		t.Error("the hold-out depends on where the folder is")
	}
}

func TestFolderFollowsLinks(t *testing.T) {
	real, dir := t.TempDir(), t.TempDir()
	write(t, real, pictures(t, "one/1.png", "2.png"))
	write(t, dir, pictures(t, "b/1.png"))
	for link, to := range map[string]string{"a": "one", "b/2.png": "2.png"} {
		if err := os.Symlink(filepath.Join(real, to), filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, Options{Name: dir})
	all := slices.Sorted(slices.Values(append(listing(s.Train), listing(s.Test)...)))
	if want := []string{"0 a/1.png", "1 b/1.png", "1 b/2.png"}; !slices.Equal(all, want) {
		t.Errorf("found %v, want %v", all, want)
	}
}

func TestFolderRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file.png")
	write(t, filepath.Dir(file), pictures(t, "file.png"))
	for name, c := range map[string]struct {
		files []string
		o     Options
		want  string
		code  fault.Code
	}{
		"empty":          {nil, Options{}, "no images in", fault.Data},
		"no images":      {[]string{"train/readme.txt"}, Options{}, "no images in", fault.Data},
		"empty class":    {[]string{"a/1.png", "b/1.txt"}, Options{}, "b holds no images", fault.Data},
		"only val":       {[]string{"val/a/1.png"}, Options{}, `has a folder "val" but none "train"`, fault.Data},
		"foreign class":  {[]string{"train/a/1.png", "val/b/1.png"}, Options{}, `class "b" of`, fault.Data},
		"unlabelled val": {[]string{"train/a/1.png", "val/1.png"}, Options{}, "has 0 classes, but the training set has 1", fault.Data},
		"missing":        {nil, Options{Name: "folder", Dir: "/does/not/exist"}, "no such file", fault.Data},
		"a file":         {nil, Options{Name: file}, "neither a folder nor a pack", fault.Data},
		"no dir":         {nil, Options{Name: "folder"}, "needs a folder", fault.Usage},
		"unknown":        {nil, Options{Name: "cifar11"}, `unknown dataset "cifar11"`, fault.Usage},
		"no name":        {nil, Options{}, "no images in", fault.Data},
		"bad action":     {[]string{"1.png"}, Options{OnCorrupt: "ignore"}, `unknown action on corrupt images "ignore"`, fault.Usage},
	} {
		dir := t.TempDir()
		write(t, dir, pictures(t, c.files...))
		if c.o.Name == "" {
			c.o.Name = dir
		}
		_, err := Open(context.Background(), c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.CodeOf(err) != c.code || fault.HintOf(err) == "" {
			t.Errorf("%s: error %v (code %d, hint %q), want one with %q and code %d", name, err, fault.CodeOf(err), fault.HintOf(err), c.want, c.code)
		}
	}
}

func TestFolderDigest(t *testing.T) {
	names := series("c/%03d.png", 70)
	base := pictures(t, names...)
	digestOf := func(change func(map[string][]byte)) string {
		dir := t.TempDir()
		files := maps.Clone(base)
		change(files)
		write(t, dir, files)
		return open(t, Options{Name: dir}).Digest
	}
	same := digestOf(func(map[string][]byte) {})
	if again := digestOf(func(map[string][]byte) {}); again != same {
		t.Error("digest depends on place or time")
	}
	for name, change := range map[string]func(map[string][]byte){
		"content": func(f map[string][]byte) { f["c/000.png"] = picture(t, "other") },
		"name":    func(f map[string][]byte) { f["c/x.png"] = f["c/050.png"]; delete(f, "c/050.png") },
		"size":    func(f map[string][]byte) { f["c/051.png"] = append(f["c/051.png"], 0) },
		"class":   func(f map[string][]byte) { f["a/1.png"] = picture(t, "a/1.png") },
	} {
		if digestOf(change) == same {
			t.Errorf("digest does not depend on %s", name)
		}
	}
}

func TestCorruptImages(t *testing.T) {
	dir := t.TempDir()
	files := pictures(t, append(series("train/a/%d.png", 4), series("train/b/%d.png", 3)...)...)
	for _, bad := range []string{"train/a/1.png", "train/a/2.png", "train/b/2.png"} {
		files[bad] = files[bad][:len(files[bad])-20]
	}
	files["val/a/0.png"] = picture(t, "val/a/0.png")
	write(t, dir, files)

	strict := open(t, Options{Name: dir})
	_, err := strict.Train.Image(1)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "train/a/1.png")) || fault.CodeOf(err) != fault.Data {
		t.Errorf("error %v does not name the corrupt file", err)
	}

	var told []string
	lax := open(t, Options{Name: dir, OnCorrupt: SkipCorrupt, OnSkip: func(s Skip) { told = append(told, filepath.Base(filepath.Dir(s.Path))+"/"+filepath.Base(s.Path)) }})
	for range 2 { // the second time from memory
		for i, want := range map[int]string{0: "train/a/0.png", 1: "train/a/3.png", 2: "train/a/3.png", 3: "train/a/3.png", 4: "train/b/0.png", 6: "train/b/0.png"} {
			got, err := lax.Train.Image(i)
			if err != nil {
				t.Fatal(err)
			}
			whole, err := decode(files[want], 0)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Pix, whole.Pix) {
				t.Errorf("image %d is not %s", i, want)
			}
		}
	}
	slices.Sort(told)
	if want := []string{"a/1.png", "a/2.png", "b/2.png"}; !slices.Equal(told, want) {
		t.Errorf("told of %v, want %v", told, want)
	}
	skipped := lax.Skipped()
	if len(skipped) != 3 || skipped[0].Path != filepath.Join(dir, "train/a/1.png") || skipped[0].Err == nil {
		t.Errorf("skipped: %v", skipped)
	}
}

func TestWholeClassCorrupt(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"train/a/1.png": []byte("no image"), "train/a/2.png": nil, "train/b/1.png": picture(t, "b"), "val/b/1.png": picture(t, "b")})
	s := open(t, Options{Name: dir, OnCorrupt: SkipCorrupt})
	if _, err := s.Train.Image(0); err == nil || fault.CodeOf(err) != fault.Data || !strings.Contains(err.Error(), "no image of the class of train/a/1.png") {
		t.Errorf("error %v for a class without a whole image", err)
	}
}

// TestVanishedFile: what cannot be read is not skipped as if it were corrupt.
func TestVanishedFile(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, pictures(t, "1.png", "2.png"))
	s := open(t, Options{Name: dir, OnCorrupt: SkipCorrupt})
	if err := os.Remove(filepath.Join(dir, "1.png")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Train.Image(0); err == nil || fault.CodeOf(err) != fault.Data || len(s.Skipped()) != 0 {
		t.Errorf("error %v, skipped %v", err, s.Skipped())
	}
}

// TestCacheDecidesSpeedOnly: the pixels are the same without a cache, with one for some images and with one for all;
// and what is kept is not read again.
func TestCacheDecidesSpeedOnly(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, pictures(t, series("%d.png", 5)...))
	none := open(t, Options{Name: dir, CacheBytes: -1})
	some := open(t, Options{Name: dir, CacheBytes: 3 * 6 * 4 * 3})
	all := open(t, Options{Name: dir})
	for range 2 {
		for i := range 5 {
			want, err := none.Train.Image(i)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range []*Splits{some, all} {
				if got, err := s.Train.Image(i); err != nil || !slices.Equal(got.Pix, want.Pix) {
					t.Errorf("image %d depends on the cache (error %v)", i, err)
				}
			}
		}
	}
	if err := os.Remove(filepath.Join(dir, "0.png")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "4.png")); err != nil {
		t.Fatal(err)
	}
	for i, c := range map[string]struct {
		s    *Splits
		i    int
		kept bool
	}{"none": {none, 0, false}, "some first": {some, 0, true}, "some last": {some, 4, false}, "all": {all, 4, true}} {
		if _, err := c.s.Train.Image(c.i); (err == nil) != c.kept {
			t.Errorf("%s: kept %v, want %v", i, err == nil, c.kept)
		}
	}
}

func TestFolderShrinks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"1.png": pngOf(t, 90, 60, color.White)})
	for _, c := range []struct {
		o    Options
		h, w int
	}{
		{Options{}, 60, 90},
		{Options{Size: 20}, 40, 60},
		{Options{Size: 20, ShortSide: 30}, 30, 45},
		{Options{Size: 20, ShortSide: -1}, 60, 90},
	} {
		c.o.Name = dir
		s := open(t, c.o)
		img, err := s.Train.Image(0)
		if err != nil {
			t.Fatal(err)
		}
		if img.H != c.h || img.W != c.w {
			t.Errorf("%+v: %dx%d, want %dx%d", c.o, img.W, img.H, c.w, c.h)
		}
	}
}

func TestScanStopsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, pictures(t, "a/1.png"))
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := Open(ctx, Options{Name: dir}); err == nil || !strings.Contains(err.Error(), "deadline") {
		t.Errorf("error %v, want that of the context", err)
	}
}
