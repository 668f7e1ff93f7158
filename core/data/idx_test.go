package data

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/fault"
)

func TestReadIDX(t *testing.T) {
	content := pattern(2*3*4, 5)
	whole := idxBytes(content, 2, 3, 4)
	for name, c := range map[string]struct {
		in   []byte
		want string // of the error; "" for none
	}{
		"raw":              {whole, ""},
		"gzip":             {gzipped(t, whole), ""},
		"empty":            {nil, "truncated: 0 bytes of a header of 16"},
		"one byte":         {[]byte{0x1f}, "truncated: 1 bytes of a header of 16"},
		"short header":     {whole[:9], "truncated: 9 bytes of a header of 16"},
		"short content":    {whole[:30], "truncated: header claims [2 3 4], 24 bytes; 14 are there"},
		"too long":         {append(bytes.Clone(whole), 0), "longer than its header claims"},
		"labels":           {idxBytes(content, 24), "magic number 0x00000801, not 0x00000803"},
		"floats":           {append([]byte{0, 0, 0x0d}, whole[3:]...), "not an IDX file of bytes in 3 dimensions"},
		"web page":         {[]byte("<!DOCTYPE html><html>"), "not an IDX file"},
		"huge dimension":   {idxBytes(content, 1<<31, 28, 28), "header claims 2147483648 in dimension 0"},
		"huge product":     {idxBytes(content, 1<<20, 1<<20, 1<<20), "more than 1073741824 bytes"},
		"claims a GB":      {idxBytes(content, 1<<20, 32, 32), "24 are there"},
		"cut gzip":         {gzipped(t, whole)[:30], "truncated"},
		"cut gzip trailer": {gzipped(t, whole)[:len(gzipped(t, whole))-3], "unexpected EOF"},
		"wrong checksum":   {flip(gzipped(t, whole), -6), "gzip: invalid checksum"},
		"gzip head only":   {[]byte{0x1f, 0x8b, 8}, "gzip: "},
	} {
		dims, got, sum, err := readIDX(bytes.NewReader(c.in), 3)
		if c.want == "" {
			if err != nil || !slices.Equal(dims, []int{2, 3, 4}) || !bytes.Equal(got, content) {
				t.Errorf("%s: dimensions %v, %d bytes, error %v", name, dims, len(got), err)
			}
			// sha256sum of the raw file, whatever the compression.
			if want := "2e11b324ff187fc14aed9b8830f173b922ee236dee942afe32f76b4d92c89647"; sum != want {
				t.Errorf("%s: sum %s, want %s", name, sum, want)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// flip inverts one byte, counted from the end where at is negative.
func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 0xff
	return b
}

// TestReadIDXReservesLittle: a header that claims a GiB must not get it before content has come.
func TestReadIDXReservesLittle(t *testing.T) {
	header := idxBytes(nil, 1<<20, 32, 32)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, _, err := readIDX(bytes.NewReader(header), 3); err == nil {
		t.Fatal("no error")
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 3*trustedIDX { // the race detector doubles it
		t.Errorf("a header alone makes the reader take %d bytes", got)
	}
}

func TestOpenIDX(t *testing.T) {
	files := idxFiles(25, 12)
	dir := t.TempDir()
	write(t, dir, files)
	zipped := filepath.Join(t.TempDir(), "fashion-mnist")
	for name, content := range files {
		write(t, zipped, map[string][]byte{name + ".gz": gzipped(t, content)})
	}
	raw := open(t, Options{Name: "fashion-mnist", Dir: dir})
	gz := open(t, Options{Name: "fashion-mnist", Dir: filepath.Dir(zipped)})
	if raw.Digest != gz.Digest {
		t.Errorf("digest depends on compression: %s, %s", raw.Digest, gz.Digest)
	}
	if raw.Info.Official {
		t.Error("a made-up dataset is taken for the published one")
	}
	if raw.Train.Len() != 25 || raw.Test.Len() != 12 || raw.Train.Channels() != 1 || raw.Train.Size() != 28 ||
		raw.Train.Classes()[9] != "Ankle boot" || raw.Info.Dir != dir || raw.Info.Train != 25 {
		t.Errorf("wrong description: %+v", raw.Info)
	}
	img, err := gz.Test.Image(11)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(img.Pix, pattern(12*784, 2)[11*784:]) || gz.Test.Label(11) != 1 {
		t.Error("image or label 11 of the test set differs from the file")
	}
}

// open opens what must open.
func open(t *testing.T, o Options) *Splits {
	t.Helper()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestOpenIDXRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string][]byte // nil deletes
		want   string
	}{
		"missing labels": {map[string][]byte{"t10k-labels-idx1-ubyte": nil}, "t10k-labels-idx1-ubyte is missing"},
		"fewer labels":   {map[string][]byte{"train-labels-idx1-ubyte": idxBytes(cycle(5, 10), 5)}, "holds 20 images, train-labels-idx1-ubyte holds 5 labels"},
		"label 10":       {map[string][]byte{"train-labels-idx1-ubyte": idxBytes(cycle(20, 11), 20)}, "label 10 of image 10 is not below 10"},
		"no images":      {map[string][]byte{"train-images-idx3-ubyte": idxBytes(nil, 0, 28, 28)}, "holds no image"},
		"other size":     {map[string][]byte{"train-images-idx3-ubyte": idxBytes(pattern(20*64, 1), 20, 8, 8)}, "images are 8x8, fashion-mnist has 28x28"},
		"truncated":      {map[string][]byte{"train-images-idx3-ubyte": idxBytes(pattern(999, 1), 20, 28, 28)}, "999 are there"},
	} {
		dir := t.TempDir()
		files := idxFiles(20, 10)
		for file, content := range c.change {
			delete(files, file)
			if content != nil {
				files[file] = content
			}
		}
		write(t, dir, files)
		_, err := Open(context.Background(), Options{Name: "fashion-mnist", Dir: dir})
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.CodeOf(err) != fault.Data {
			t.Errorf("%s: error %v (code %d), want one with %q", name, err, fault.CodeOf(err), c.want)
		}
		if hint := fault.HintOf(err); !strings.Contains(hint, "sslctl data fetch fashion-mnist") {
			t.Errorf("%s: hint %q does not say how to get the files", name, hint)
		}
	}
}

func TestOpenStopsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, idxFiles(20, 10))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, Options{Name: "mnist", Dir: dir}); err != context.Canceled {
		t.Errorf("error %v, want that of the context", err)
	}
}

// TestTakenForAnother: Fashion-MNIST's files have MNIST's names; opening one as the other would go unnoticed.
func TestTakenForAnother(t *testing.T) {
	for _, e := range catalogue() {
		for _, m := range e.members() {
			if got, ok := ownerOf([]contentSum{{m.name, m.sha256}}); !ok || got != e.info.Name {
				t.Errorf("%s of %s is taken for one of %q", m.name, e.info.Name, got)
			}
		}
	}
	if got, ok := ownerOf([]contentSum{{"train-labels-idx1-ubyte", strings.Repeat("0", 64)}}); ok {
		t.Errorf("unknown labels are taken for those of %s", got)
	}
}

func FuzzReadIDX(f *testing.F) {
	whole := idxBytes(pattern(24, 1), 2, 3, 4)
	f.Add(whole)
	f.Add(whole[:20])
	f.Add(gzipped(f, whole))
	f.Add(gzipped(f, whole)[:25])
	f.Add(idxBytes(nil, 1<<31, 1<<31, 1<<31))
	f.Fuzz(func(t *testing.T, in []byte) {
		dims, content, _, err := readIDX(bytes.NewReader(in), 3)
		if err == nil && len(content) != dims[0]*dims[1]*dims[2] {
			t.Errorf("%d bytes for dimensions %v", len(content), dims)
		}
	})
}

// zeros is an endless file of zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

var _ io.Reader = zeros{}

func TestHomeDirIsBelowXDG(t *testing.T) {
	if got := filepath.Base(HomeDir()); got != "sslctl" {
		t.Errorf("home of datasets is %s", HomeDir())
	}
	if _, err := os.Stat("/proc/self"); err == nil && !filepath.IsAbs(HomeDir()) {
		t.Errorf("home of datasets %s is not absolute", HomeDir())
	}
}
