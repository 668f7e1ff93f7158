package data

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sslctl/sslctl/core/fault"
)

// cifarRecords are n records with random-looking planes and the given label bytes before them.
func cifarRecords(n, seed int, label func(i int) []byte) []byte {
	var b []byte
	for i := range n {
		b = append(append(b, label(i)...), pattern(cifarPixels, seed+i)...)
	}
	return b
}

func coarse10(i int) []byte { return []byte{byte(i % 10)} }
func fine100(i int) []byte  { return []byte{byte(i % 20), byte(99 - i%100)} }
func cifar10Files() map[string][]byte {
	files := map[string][]byte{"test_batch.bin": cifarRecords(4, 60, coarse10),
		"batches.meta.txt": []byte("airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n")}
	for k := 1; k <= 5; k++ {
		files[fmt.Sprintf("data_batch_%d.bin", k)] = cifarRecords(3, 10*k, coarse10)
	}
	return files
}

func TestOpenCIFAR10(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "cifar-10-batches-bin"), cifar10Files())
	s := open(t, Options{Name: "cifar10", Dir: root})
	if s.Train.Len() != 15 || s.Test.Len() != 4 || s.Train.Channels() != 3 || s.Train.Size() != 32 || s.Train.Classes()[3] != "cat" {
		t.Fatalf("wrong description: %+v", s.Info)
	}
	// Image 4 is record 1 of the second file: its planes, interleaved.
	img, err := s.Train.Image(4)
	if err != nil {
		t.Fatal(err)
	}
	planes := pattern(cifarPixels, 21)
	for y := range 32 {
		for x := range 32 {
			for c := range 3 {
				if got, want := img.Pix[(y*32+x)*3+c], planes[c*1024+y*32+x]; got != want {
					t.Fatalf("pixel %d, %d, channel %d: %d, want %d", y, x, c, got, want)
				}
			}
		}
	}
	if got := s.Train.Label(4); got != 1 {
		t.Errorf("label 4 is %d, want 1", got)
	}
}

func TestOpenCIFAR100TakesFineLabels(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"train.bin": cifarRecords(7, 1, fine100), "test.bin": cifarRecords(2, 9, fine100)})
	s := open(t, Options{Name: "cifar100", Dir: dir})
	if got := s.Train.Label(2); got != 97 {
		t.Errorf("label is %d, want the fine one, 97", got)
	}
	if got := s.Train.Classes()[97]; got != "wolf" { // without fine_label_names.txt
		t.Errorf("class 97 is %q", got)
	}
}

func TestOpenCIFARRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string][]byte // nil deletes
		want   string
	}{
		"missing batch": {map[string][]byte{"data_batch_4.bin": nil}, "data_batch_4.bin: no such file"},
		"truncated":     {map[string][]byte{"data_batch_2.bin": cifarRecords(3, 1, coarse10)[:7000]}, "truncated: record 2 has 854 bytes of 3073"},
		"empty":         {map[string][]byte{"test_batch.bin": {}}, "test_batch.bin: holds no image"},
		"cifar100":      {map[string][]byte{"data_batch_1.bin": cifarRecords(3073, 1, fine100)}, "is not below 10: not this dataset's binary version"},
		"five names":    {map[string][]byte{"batches.meta.txt": []byte("a\nb\nc\nd\ne\n")}, "5 names of classes, not 10"},
	} {
		dir := t.TempDir()
		files := cifar10Files()
		for file, content := range c.change {
			delete(files, file)
			if content != nil {
				files[file] = content
			}
		}
		write(t, dir, files)
		_, err := Open(context.Background(), Options{Name: "cifar10", Dir: dir})
		if err == nil || !strings.Contains(err.Error(), c.want) || fault.CodeOf(err) != fault.Data {
			t.Errorf("%s: error %v (code %d), want one with %q", name, err, fault.CodeOf(err), c.want)
		}
		if hint := fault.HintOf(err); !strings.Contains(hint, "sslctl data fetch cifar10") {
			t.Errorf("%s: hint %q does not say how to get the files", name, hint)
		}
	}
}

func TestReadCIFARStops(t *testing.T) {
	m := &memory{classes: []string{"only"}}
	_, err := readCIFAR(zeros{}, 1, 100, m)
	if err == nil || !strings.Contains(err.Error(), "more than 100 records") {
		t.Errorf("error %v after an endless file", err)
	}
}

func FuzzReadCIFAR(f *testing.F) {
	f.Add(cifarRecords(2, 1, coarse10), 1)
	f.Add(cifarRecords(2, 1, fine100), 2)
	f.Add([]byte{}, 1)
	f.Add(make([]byte, 3072), 2)
	f.Fuzz(func(t *testing.T, in []byte, labelBytes int) {
		labelBytes = 1 + labelBytes&1
		m := &memory{classes: make([]string, 10)}
		if _, err := readCIFAR(bytes.NewReader(in), labelBytes, 1<<16, m); err == nil && len(m.labels) != len(in)/(labelBytes+cifarPixels) {
			t.Errorf("%d labels from %d bytes", len(m.labels), len(in))
		}
		if len(m.pix) != len(m.labels)*cifarPixels {
			t.Errorf("%d bytes of pixels for %d labels", len(m.pix), len(m.labels))
		}
	})
}

// TestOfficialDigest pins the digests by which runs record the published datasets. They are what
// "sha256sum FILES | sha256sum" prints for the files without gzip, in the catalogue's order.
func TestOfficialDigest(t *testing.T) {
	for _, i := range List(os.DevNull) {
		if want := map[string]string{
			"fashion-mnist": "5cf0562c46b89a77940b86f40a9a4325e7bed59d53ec555c4d14f0bed41ca53a",
			"mnist":         "d0a3eec1f5a454401d758fdbf15b9b0163a7034963586d671960c180b97e2c1a",
			"cifar10":       "5fdcf57d170bdbc7da569af1dabd64d7d3c7507e9e7aa861fc7b691d5355c232",
			"cifar100":      "45fd2efdca0132e9b980b7c54e5dcbdfd5233cd97603bbf31298c0e8d42a9870",
		}[i.Name]; i.Digest != want {
			t.Errorf("digest of %s is %s, want %s", i.Name, i.Digest, want)
		}
	}
}
