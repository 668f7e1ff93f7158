package data

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/fault"
)

// photos is a folder of JPEG, PNG and WebP files of several sizes in two classes, with a test set.
func photos(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata/images", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	write(t, dir, map[string][]byte{
		"train/ant/1.jpg": read("420.jpg"), "train/ant/2.jpg": read("progressive.jpg"), "train/ant/3.png": read("rgb.png"),
		"train/bee/1.webp": read("lossy.webp"), "train/bee/2.jpg": read("odd.jpg"), "train/bee/3.jpg": read("gray.jpg"),
		"val/ant/9.png": read("palette.png"), "val/bee/9.jpg": read("444.jpg"),
	})
	return dir
}

// packOf packs a data set into a file of a new folder.
func packOf(t testing.TB, o Options, po PackOptions) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "images.pack")
	if _, err := Pack(context.Background(), o, path, po); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPackHoldsTheDataSet: images, labels, classes and splits of the pack are those of what was packed, and so is every batch.
func TestPackHoldsTheDataSet(t *testing.T) {
	idx := t.TempDir()
	write(t, idx, idxFiles(30, 20))
	for name, o := range map[string]Options{
		"folder":       {Name: photos(t), Size: 16, ShortSide: 20},
		"never shrunk": {Name: photos(t), Size: 16, ShortSide: 1000},
		"gray":         {Name: "mnist", Dir: idx},
	} {
		t.Run(name, func(t *testing.T) {
			want := open(t, o)
			got := open(t, Options{Name: packOf(t, o, PackOptions{Side: o.ShortSide}), Size: o.Size})
			for half, ds := range map[string][2]Dataset{"train": {got.Train, want.Train}, "test": {got.Test, want.Test}} {
				sameImages(t, half, ds[0], ds[1])
			}
			if d := cmp.Diff([]any{want.Info.Mean, want.Info.Std, want.Train.Size()}, []any{got.Info.Mean, got.Info.Std, got.Train.Size()}); d != "" {
				t.Error(d)
			}
			if got.Digest == want.Digest || len(got.Digest) != 64 {
				t.Errorf("digest %q of the pack, %q of the data set", got.Digest, want.Digest)
			}
			views := []*augment.Pipeline{strong(t, 16, want.Train.Channels()), strong(t, 16, want.Train.Channels())}
			lo := LoaderOptions{Batch: 3, Seed: 7, Workers: 2}
			a, b := NewLoader(got.Train, views, lo), NewLoader(want.Train, views, lo)
			defer a.Close()
			defer b.Close()
			for range 4 {
				sameBatch(t, a, b)
			}
		})
	}
}

func sameImages(t *testing.T, half string, got, want Dataset) {
	t.Helper()
	if got.Len() != want.Len() || !slices.Equal(got.Classes(), want.Classes()) || got.Channels() != want.Channels() {
		t.Fatalf("%s: %d images of %v with %d channels, want %d of %v with %d", half, got.Len(), got.Classes(), got.Channels(), want.Len(), want.Classes(), want.Channels())
	}
	for i := range want.Len() {
		a, errA := got.Image(i)
		b, errB := want.Image(i)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if got.Label(i) != want.Label(i) || a.H != b.H || a.W != b.W || !bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("%s: image %d (%dx%d, class %d) is another than the data set's (%dx%d, class %d)", half, i, a.W, a.H, got.Label(i), b.W, b.H, want.Label(i))
		}
	}
}

func sameBatch(t *testing.T, a, b *Loader) {
	t.Helper()
	x, errX := a.Next(context.Background())
	y, errY := b.Next(context.Background())
	if errX != nil || errY != nil {
		t.Fatal(errX, errY)
	}
	if !slices.Equal(x.Pixels, y.Pixels) || !slices.Equal(x.Labels, y.Labels) {
		t.Errorf("batch %d differs", x.Step)
	}
	x.Release()
	y.Release()
}

// TestPackIsReproducible: the same bytes with any number of workers, wherever the folder lies.
func TestPackIsReproducible(t *testing.T) {
	var files [][]byte
	for _, workers := range []int{1, 2, 5} {
		last := 0
		b, err := os.ReadFile(packOf(t, Options{Name: photos(t)}, PackOptions{Side: 24, Workers: workers, Progress: func(done, total int) {
			if last++; done != last || total != 8 {
				t.Errorf("progress %d of %d, want %d of 8", done, total, last)
			}
		}}))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, b)
	}
	if !bytes.Equal(files[0], files[1]) || !bytes.Equal(files[0], files[2]) {
		t.Error("packs of the same images differ")
	}
}

// TestPackInterrupted: a pack that was not finished leaves nothing behind.
func TestPackInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	dir := t.TempDir()
	_, err := Pack(ctx, Options{Name: photos(t)}, filepath.Join(dir, "x.pack"), PackOptions{Workers: 2, Progress: func(done, _ int) {
		if done == 3 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestPackRefuses(t *testing.T) {
	dir := photos(t)
	corrupt := photos(t)
	write(t, corrupt, map[string][]byte{"train/ant/2.jpg": []byte("\xff\xd8\xff no more")})
	there := packOf(t, Options{Name: dir}, PackOptions{})
	idx := t.TempDir()
	write(t, idx, idxFiles(30, 20))
	free := func() string { return filepath.Join(t.TempDir(), "x.pack") }
	for name, c := range map[string]struct {
		o    Options
		path string
		side int
		code fault.Code
		want string
	}{
		"a file that is there":   {Options{Name: dir}, there, 0, fault.Usage, "exists"},
		"a pack":                 {Options{Name: there}, free(), 0, fault.Usage, "is a pack already"},
		"a corrupt image":        {Options{Name: corrupt}, free(), 0, fault.Data, "train/ant/2.jpg"},
		"a folder that is not":   {Options{Name: dir}, filepath.Join(dir, "no", "x.pack"), 0, fault.Data, "no such file"},
		"a negative side":        {Options{Name: dir}, free(), -1, fault.Usage, "short side of -1"},
		"less than fixed images": {Options{Name: "mnist", Dir: idx}, free(), 14, fault.Usage, "28 pixels"},
	} {
		_, err := Pack(context.Background(), c.o, c.path, PackOptions{Side: c.side})
		if fault.CodeOf(err) != c.code || fault.HintOf(err) == "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v (code %d, hint %q), want code %d and %q", name, err, fault.CodeOf(err), fault.HintOf(err), c.code, c.want)
		}
	}
	skipping := open(t, Options{Name: packOf(t, Options{Name: corrupt, OnCorrupt: SkipCorrupt}, PackOptions{})})
	if skipping.Train.Len() != 6 {
		t.Errorf("%d images, want the stand-in too", skipping.Train.Len())
	}
}

// sealed is a pack with a true checksum, whatever it says.
func sealed(pixels []byte, index []packImage, meta any) []byte {
	b := append(packHeader(), pixels...)
	var entries []byte
	for _, m := range index {
		entries = appendPackEntry(entries, m)
	}
	text, err := json.Marshal(meta)
	if err != nil {
		panic(err)
	}
	return append(b, packEnd(int64(len(pixels)), entries, text)...)
}

// TestOpenPackRefuses: no damaged or hostile file opens, and each says what to do.
func TestOpenPackRefuses(t *testing.T) {
	good := packMeta{Classes: []string{"a", "b"}, Channels: 1, Train: 1, Test: 1, Mean: []float32{0.5}, Std: []float32{0.25}}
	index := []packImage{{h: 2, w: 3, label: 0}, {h: 1, w: 4, label: 1}}
	whole := sealed(make([]byte, 10), index, good)
	if _, _, _, err := parsePack(whole); err != nil {
		t.Fatal("the file that others are made of is refused:", err)
	}
	with := func(change func(*packMeta)) []byte {
		m := good
		change(&m)
		return sealed(make([]byte, 10), index, m)
	}
	entry := func(m packImage) []byte { return sealed(make([]byte, 10), []packImage{index[0], m}, good) }
	at := func(i int, v byte) []byte {
		b := bytes.Clone(whole)
		b[(i+len(b))%len(b)] = v
		return b
	}
	tailSize := func(field int, v uint64) []byte {
		b := bytes.Clone(whole)
		binary.LittleEndian.PutUint64(b[len(b)-packTail+8*field:], v)
		return b
	}
	for name, c := range map[string]struct {
		file []byte
		want string
		hint string
	}{
		"empty":            {nil, "neither a folder nor a pack", "data list"},
		"text":             {[]byte("once upon a time, in a folder"), "neither a folder nor a pack", "data list"},
		"another version":  {at(8, 9), "version of the pack format: 9", "with this version"},
		"head only":        {whole[:packHead], "truncated", "copy the file again"},
		"cut in pixels":    {whole[:packHead+5], "truncated", "copy the file again"},
		"cut in the end":   {whole[:len(whole)-1], "truncated", "copy the file again"},
		"longer":           {append(bytes.Clone(whole), 0), "truncated", "copy the file again"},
		"a flipped bit":    {at(packHead+10, 0xff), "SHA-256", "pack the images again"},
		"pixels overflow":  {tailSize(0, 1<<63), "truncated", "pack the images again"},
		"index overflow":   {tailSize(1, 1<<64-16), "truncated", "pack the images again"},
		"meta overflow":    {tailSize(2, 1<<64-1), "truncated", "pack the images again"},
		"label too large":  {entry(packImage{h: 1, w: 4, label: 2}), "label 2 of image 1 is not below 2", "pack the images again"},
		"label below none": {entry(packImage{h: 1, w: 4, label: -2}), "label -2", "pack the images again"},
		"no pixels":        {entry(packImage{h: 0, w: 4}), "image 1 of 4x0", "pack the images again"},
		"too many pixels":  {entry(packImage{h: 1 << 31, w: 1 << 31}), "image 1 of", "pack the images again"},
		"beyond the end":   {entry(packImage{h: 1, w: 5}), "reaches beyond", "pack the images again"},
		"pixels left":      {entry(packImage{h: 1, w: 3}), "belong to no image", "pack the images again"},
		"not one size":     {with(func(m *packMeta) { m.Size = 2 }), "where all have 2x2", "pack the images again"},
		"channels":         {with(func(m *packMeta) { m.Channels = 2 }), "2 channels", "pack the images again"},
		"splits":           {with(func(m *packMeta) { m.Train, m.Test = 3, -1 }), "3 training and -1 test", "pack the images again"},
		"no training":      {with(func(m *packMeta) { m.Train, m.Test = 0, 2 }), "0 training", "pack the images again"},
		"mean":             {with(func(m *packMeta) { m.Mean = nil }), "of 0 and 1 channels", "pack the images again"},
		"deviation":        {with(func(m *packMeta) { m.Std = []float32{0} }), "deviation 0", "pack the images again"},
		"meta is a list":   {sealed(make([]byte, 10), index, []int{1}), "description", "pack the images again"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, map[string][]byte{"x.pack": c.file})
			_, err := Open(context.Background(), Options{Name: filepath.Join(dir, "x.pack")})
			if fault.CodeOf(err) != fault.Data || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "x.pack") {
				t.Errorf("error %v, want one of data that names the file and says %q", err, c.want)
			}
			if hint := fault.HintOf(err); !strings.Contains(hint, c.hint) {
				t.Errorf("hint %q, want %q", hint, c.hint)
			}
		})
	}
	_, err := Open(context.Background(), Options{Name: filepath.Join(t.TempDir(), "absent.pack")})
	if fault.CodeOf(err) != fault.Data || fault.HintOf(err) == "" {
		t.Errorf("a missing file: error %v, want one of data", err)
	}
}

// TestPackChangesBelowTheMapping: a byte that changes, and pages that vanish, are errors of the image and of no other.
func TestPackChangesBelowTheMapping(t *testing.T) {
	dir := t.TempDir()
	files := map[string][]byte{}
	for i := range 6 { // more than a page each
		files[fmt.Sprintf("train/a/%d.png", i)] = pngOf(t, 60, 50, color.Gray{uint8(40 * i)})
	}
	write(t, dir, files)
	path := packOf(t, Options{Name: dir}, PackOptions{})
	s := open(t, Options{Name: path})
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{255, 254, 253}, packHead+100); err != nil {
		t.Fatal(err)
	}
	refused := func(i int, want string) {
		t.Helper()
		_, err := s.Train.Image(i)
		if fault.CodeOf(err) != fault.Data || fault.HintOf(err) == "" || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("image %d: error %v, want one of data with %q", i, err, want)
		}
	}
	refused(0, "checksum")
	if _, err := s.Train.Image(1); err != nil {
		t.Errorf("the image beside it: %v", err)
	}
	if err := f.Truncate(packHead + 3*9000); err != nil {
		t.Fatal(err)
	}
	refused(4, "shorter")
	if _, err := s.Train.Image(1); err != nil {
		t.Errorf("an image that is still there: %v", err)
	}
}

// FuzzPack: no content may panic, nor open with an image outside of its pixels. The checksum is made right, or nothing would come past it.
func FuzzPack(f *testing.F) {
	whole, err := os.ReadFile(packOf(f, Options{Name: photos(f)}, PackOptions{Side: 8}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole, true)
	f.Add(whole[:len(whole)/2], false)
	f.Add(sealed(make([]byte, 6), []packImage{{h: 2, w: 1, label: -1}}, packMeta{Channels: 3, Train: 1, Mean: []float32{0, 0, 0}, Std: []float32{1, 1, 1}}), true)
	f.Fuzz(func(t *testing.T, file []byte, seal bool) {
		if seal {
			file = reseal(file)
		}
		meta, images, _, err := parsePack(file)
		if err != nil {
			return
		}
		end := int64(0)
		for i, m := range images {
			if m.h < 1 || m.w < 1 || m.at != end || m.label < -1 || m.label >= len(meta.Classes) {
				t.Errorf("image %d is %+v after %d bytes", i, m, end)
			}
			end += int64(m.h) * int64(m.w) * int64(meta.Channels)
		}
		if end > int64(len(file))-packHead-packTail || len(images) != meta.Train+meta.Test {
			t.Errorf("%d images with %d bytes in a file of %d", len(images), end, len(file))
		}
	})
}

// reseal gives a file the checksum of the end that its sizes point out, where there is one.
func reseal(file []byte) []byte {
	if len(file) < packHead+packTail {
		return file
	}
	b := bytes.Clone(file)
	tail := b[len(b)-packTail:]
	pixels, index := binary.LittleEndian.Uint64(tail), binary.LittleEndian.Uint64(tail[8:])
	body := uint64(len(b) - packHead - packTail)
	if pixels > body || index > body-pixels {
		return b
	}
	end := b[packHead+pixels : len(b)-packTail]
	copy(tail, packEnd(int64(pixels), end[:index], end[index:])[len(end):])
	return b
}
