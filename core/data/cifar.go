package data

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/sslctl/sslctl/core/fault"
)

// The record of a CIFAR image: label bytes, then 1024 bytes each of red, green and blue.
const (
	cifarEdge   = 32
	cifarPlane  = cifarEdge * cifarEdge
	cifarPixels = 3 * cifarPlane
)

// maxCIFARRecords bounds a file; the largest official one holds 50,000 records.
const maxCIFARRecords = 1 << 16

// maxNames bounds a text file of class names, in bytes.
const maxNames = 1 << 16

// openCIFAR reads CIFAR-10 or CIFAR-100 in the binary version (https://www.cs.toronto.edu/~kriz/cifar.html).
// CIFAR-100's label is the fine one.
func openCIFAR(ctx context.Context, e entry, dir string) (*Splits, []contentSum, error) {
	namesFile, labelBytes := "batches.meta.txt", 1
	if e.info.Name == "cifar100" {
		namesFile, labelBytes = "fine_label_names.txt", 2
	}
	classes, err := readClassNames(e, dir, namesFile)
	if err != nil {
		return nil, nil, err
	}
	train := &memory{name: e.info.Name, classes: classes, size: cifarEdge, c: 3}
	test := &memory{name: e.info.Name, classes: classes, size: cifarEdge, c: 3}
	half := func(m member) *memory {
		if strings.HasPrefix(m.name, "test") {
			return test
		}
		return train
	}
	room := map[*memory]int{}
	for _, m := range e.members() {
		room[half(m)] += countRecords(filepath.Join(dir, m.name), labelBytes)
	}
	for m, n := range room {
		m.pix, m.labels = make([]uint8, 0, n*cifarPixels), make([]uint8, 0, n)
	}
	var sums []contentSum
	for _, m := range e.members() {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		sum, err := readCIFARFile(e, filepath.Join(dir, m.name), labelBytes, half(m))
		if err != nil {
			return nil, nil, err
		}
		sums = append(sums, contentSum{m.name, sum})
	}
	return &Splits{Train: train, Test: test}, sums, nil
}

// countRecords is how many records a file has by its size; 0 where it cannot be told.
func countRecords(path string, labelBytes int) int {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return int(min(info.Size()/int64(labelBytes+cifarPixels), maxCIFARRecords))
}

// readCIFARFile adds the records of one file to m.
func readCIFARFile(e entry, path string, labelBytes int, m *memory) (sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fault.New(fault.Data, refetchHint(e, filepath.Dir(path)), "open dataset: %w", err)
	}
	defer f.Close()
	sum, err = readCIFAR(f, labelBytes, maxCIFARRecords, m)
	if err != nil {
		return "", fault.New(fault.Data, refetchHint(e, filepath.Dir(path)), "%s: %w", path, err)
	}
	return sum, nil
}

// readCIFAR appends all records of r to m, up to most; the last of labelBytes is the label. sum is the SHA-256 of r.
func readCIFAR(r io.Reader, labelBytes, most int, m *memory) (sum string, err error) {
	h := sha256.New()
	in := io.TeeReader(bufio.NewReaderSize(r, 1<<18), h)
	record := make([]byte, labelBytes+cifarPixels)
	for i := 0; ; i++ {
		n, err := io.ReadFull(in, record)
		switch {
		case errors.Is(err, io.EOF) && i == 0:
			return "", errors.New("holds no image")
		case errors.Is(err, io.EOF):
			return hex.EncodeToString(h.Sum(nil)), nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return "", fmt.Errorf("truncated: record %d has %d bytes of %d", i, n, len(record))
		case err != nil:
			return "", err
		case i == most:
			return "", fmt.Errorf("more than %d records", most)
		}
		label := record[labelBytes-1]
		if int(label) >= len(m.classes) {
			return "", fmt.Errorf("label %d of record %d is not below %d: not this dataset's binary version", label, i, len(m.classes))
		}
		m.labels = append(m.labels, label)
		m.pix = appendInterleaved(m.pix, record[labelBytes:])
	}
}

// appendInterleaved appends the planes of an RGB image as interleaved pixels.
func appendInterleaved(pix, planes []byte) []byte {
	r, g, b := planes[:cifarPlane], planes[cifarPlane:2*cifarPlane], planes[2*cifarPlane:cifarPixels]
	for i := range r {
		pix = append(pix, r[i], g[i], b[i])
	}
	return pix
}

// readClassNames reads one name a line; without the file the catalogue's names stand.
func readClassNames(e entry, dir, name string) ([]string, error) {
	path := filepath.Join(dir, name)
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return e.info.Classes, nil
	}
	if err != nil {
		return nil, fault.New(fault.Data, "check the rights of the file", "open dataset: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxNames))
	if err != nil {
		return nil, fault.New(fault.Data, refetchHint(e, dir), "%s: %w", path, err)
	}
	var classes []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			classes = append(classes, line)
		}
	}
	if len(classes) != len(e.info.Classes) {
		return nil, fault.New(fault.Data, refetchHint(e, dir), "%s: %d names of classes, not %d", path, len(classes), len(e.info.Classes))
	}
	return classes, nil
}
