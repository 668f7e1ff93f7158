package data

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/augment"
)

// pillow reads what testdata/make_images.py had Pillow decode.
func pillow(t *testing.T, name string) augment.Image {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata/images", name+".rgb"))
	if err != nil {
		t.Fatal(err)
	}
	w, h := int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:]))
	return augment.Image{Pix: b[4:], H: h, W: w, C: 3}
}

// TestDecodeAgreesWithPillow: lossless formats to the bit; lossy ones within what the rounding of two decoders
// differs by.
func TestDecodeAgreesWithPillow(t *testing.T) {
	for _, c := range []struct {
		name      string
		shortSide int
		worst     int
		mean      float64
	}{
		{"rgb.png", 0, 0, 0},
		{"alpha.png", 0, 0, 0},
		{"palette.png", 0, 0, 0},
		{"gray.png", 0, 0, 0},
		{"lossless.webp", 0, 0, 0},
		{"gray.jpg", 0, 1, 0.1},
		{"444.jpg", 0, 2, 0.1},
		{"422.jpg", 0, 3, 0.1},
		{"420.jpg", 0, 3, 0.1},
		{"440.jpg", 0, 3, 0.1},
		{"411.jpg", 0, 3, 0.1},
		{"410.jpg", 0, 3, 0.1},
		{"odd.jpg", 0, 3, 0.1},
		{"progressive.jpg", 0, 3, 0.1},
		{"cmyk.jpg", 0, 1, 0.1},
		{"lossy.webp", 0, 3, 0.5},
		{"lossy-alpha.webp", 0, 3, 0.5},
		{"rgb.png", 12, 0, 0},
		{"rgb.png", 30, 0, 0}, // never enlarged, nor touched at its own size
	} {
		name := c.name
		if c.shortSide == 12 {
			name += ".short12"
		}
		want := pillow(t, name)
		got, err := decodeFile(filepath.Join("testdata/images", c.name), c.shortSide)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got.H != want.H || got.W != want.W || got.C != 3 || len(got.Pix) != len(want.Pix) {
			t.Errorf("%s: %dx%dx%d, want %dx%dx3", name, got.W, got.H, got.C, want.W, want.H)
			continue
		}
		worst, sum := 0, 0
		for i := range got.Pix {
			d := int(got.Pix[i]) - int(want.Pix[i])
			d = max(d, -d)
			worst, sum = max(worst, d), sum+d
		}
		mean := float64(sum) / float64(len(got.Pix))
		t.Logf("%s: worst %d, mean %.3f", name, worst, mean)
		if worst > c.worst || mean > c.mean {
			t.Errorf("%s: differs by up to %d (mean %.3f), want at most %d (%.3f)", name, worst, mean, c.worst, c.mean)
		}
	}
}

// pngOf encodes an image of one colour.
func pngOf(t testing.TB, w, h int, c color.Color) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDecodeRefuses(t *testing.T) {
	whole, err := os.ReadFile("testdata/images/420.jpg")
	if err != nil {
		t.Fatal(err)
	}
	small := pngOf(t, 3, 2, color.White)
	huge := bytes.Clone(small)
	binary.BigEndian.PutUint32(huge[16:], 1<<20) // width of the header
	binary.BigEndian.PutUint32(huge[20:], 1<<20)
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":     {nil, "empty file"},
		"text":      {[]byte("<html>not found</html>"), "neither JPEG nor PNG nor WebP"},
		"truncated": {whole[:len(whole)/2], "JPEG: unexpected EOF"},
		"cut head":  {small[:20], "PNG: unexpected EOF"},
		"bomb":      {withCRC(huge), "pixels are more than"},
		"sliver":    {pngOf(t, 505, 5, color.White), "one side is more than 100 times"},
	} {
		_, err := decode(c.content, 0)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// FuzzDecode: no content of a file may panic or yield an image that a pipeline would refuse.
func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/images/*.*")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)*2/3])
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		img, err := decode(content, 16)
		if err == nil && (img.H < 1 || img.W < 1 || min(img.H, img.W) > 16 || len(img.Pix) != img.H*img.W*3) {
			t.Errorf("decoded %dx%d with %d bytes", img.W, img.H, len(img.Pix))
		}
	})
}
