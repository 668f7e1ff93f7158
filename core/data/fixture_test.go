package data

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/sslctl/sslctl/augment"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// withCRC corrects the checksum of a PNG's header, which begins after 8 bytes of signature and 4 of length.
func withCRC(png []byte) []byte {
	binary.BigEndian.PutUint32(png[29:], crc32.ChecksumIEEE(png[12:29]))
	return png
}

// idxBytes encodes an IDX file of bytes.
func idxBytes(content []byte, dims ...int) []byte {
	b := []byte{0, 0, idxUbyte, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return append(b, content...)
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

// pattern is n bytes that differ from place to place and from seed to seed.
func pattern(n, seed int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i/251 + seed*31)
	}
	return b
}

// cycle is n labels 0, 1, ... below classes.
func cycle(n, classes int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % classes)
	}
	return b
}

// write puts files into a folder, by path below it, and makes the folders between.
func write(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// idxFiles are a small dataset of the MNIST family.
func idxFiles(train, test int) map[string][]byte {
	return map[string][]byte{
		"train-images-idx3-ubyte": idxBytes(pattern(train*784, 1), train, 28, 28),
		"train-labels-idx1-ubyte": idxBytes(cycle(train, 10), train),
		"t10k-images-idx3-ubyte":  idxBytes(pattern(test*784, 2), test, 28, 28),
		"t10k-labels-idx1-ubyte":  idxBytes(cycle(test, 10), test),
	}
}

// toy is a dataset in memory whose images differ.
func toy(n, size, channels, classes int) *memory {
	m := &memory{name: "toy", size: size, c: channels, pix: pattern(n*size*size*channels, 3), labels: cycle(n, classes)}
	for i := range classes {
		m.classes = append(m.classes, string(rune('a'+i)))
	}
	return m
}

// strong is a pipeline that uses every step.
func strong(t testing.TB, size, channels int) *augment.Pipeline {
	t.Helper()
	p, err := augment.New(augment.Recipe{Size: size, CropMin: 0.2, CropMax: 1, RatioMin: 0.75, RatioMax: 4. / 3, Flip: 0.5,
		Jitter: 0.8, Brightness: 0.4, Contrast: 0.4, Saturation: 0.2, Hue: 0.1, Gray: 0.2, Blur: 0.5, BlurSigmaMin: 0.1,
		BlurSigmaMax: 2, Solarize: 0.1}, channels)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
