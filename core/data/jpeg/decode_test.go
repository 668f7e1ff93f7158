package jpeg

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// samples are files of Pillow's, by name.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../testdata/images/*.jpg")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	all := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(f)] = b
	}
	return all
}

// agree holds every set of kernels to image/jpeg: what is decoded here must be what it gives. It says whether anything was.
func agree(t *testing.T, content []byte) bool {
	t.Helper()
	decoded := false
	for _, k := range sets() {
		got, ok := decodeBaseline(content, k)
		if !ok {
			continue
		}
		decoded = true
		want, err := jpeg.Decode(bytes.NewReader(content))
		if err != nil {
			t.Fatalf("%s: decoded, where image/jpeg says: %v", k.name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s: image/jpeg (-) and here (+) differ:\n%.2000s", k.name, diff)
		}
	}
	return decoded
}

func TestDecodeAgreesWithTheStandardLibrary(t *testing.T) {
	odd := map[string]bool{"cmyk.jpg": true, "progressive.jpg": true}
	for name, content := range samples(t) {
		if agree(t, content) == odd[name] {
			t.Errorf("%s: decoded here: %v", name, odd[name])
		}
		want, err := jpeg.Decode(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Decode(content); err != nil || !cmp.Equal(want, got) {
			t.Errorf("%s: Decode differs from image/jpeg (%v)", name, err)
		}
	}
}

// BenchmarkDecode reads the folder that JPEG_DIR names, or the samples.
func BenchmarkDecode(b *testing.B) {
	var all [][]byte
	if dir := os.Getenv("JPEG_DIR"); dir != "" {
		files, _ := filepath.Glob(filepath.Join(dir, "*.JPEG"))
		for _, f := range files[:min(300, len(files))] {
			c, err := os.ReadFile(f)
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, c)
		}
	} else {
		all = append(all, samples(b)["420.jpg"])
	}
	run := func(name string, decode func([]byte) (image.Image, error)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := decode(all[i%len(all)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, k := range sets() {
		run(k.name, func(c []byte) (image.Image, error) {
			if img, ok := decodeBaseline(c, k); ok {
				return img, nil
			}
			return jpeg.Decode(bytes.NewReader(c))
		})
	}
	run("image/jpeg", func(c []byte) (image.Image, error) { return jpeg.Decode(bytes.NewReader(c)) })
}
