// Package datatest writes small data sets, for tests that train without a download: [Bars].
package datatest

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

const (
	edge    = 28 // of an image in pixels, MNIST's
	classes = 10
)

// Bars writes a data set in MNIST's form into a folder, which it makes: train images to learn from and test images to evaluate
// on. An image is a bright bar on a texture of its own; the bar's place is its class, one of ten.
func Bars(t testing.TB, dir string, train, test int) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for prefix, n := range map[string]int{"train": train, "t10k": test} {
		images, labels := header(3, n, edge, edge), header(1, n)
		for k := range n {
			images = append(images, bar(k)...)
			labels = append(labels, byte(k%classes))
		}
		for name, content := range map[string][]byte{"-images-idx3-ubyte": images, "-labels-idx1-ubyte": labels} {
			if err := os.WriteFile(filepath.Join(dir, prefix+name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// header begins an IDX file of unsigned bytes.
func header(axes byte, dims ...int) []byte {
	b := []byte{0, 0, 8, axes}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return b
}

// bar draws the image of a number.
func bar(k int) []byte {
	out := make([]byte, edge*edge)
	for i := range out {
		v := (i*(3+k%7) + k*13) % 60
		if i%edge/3 == k%classes {
			v += 150
		}
		out[i] = byte(v)
	}
	return out
}
