package data

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"

	"github.com/sslctl/sslctl/core/fault"
)

// Bounds on what an IDX file may claim. The largest file of the family, EMNIST's training images, has 547 MB.
const (
	maxIDXBytes = 1 << 30
	trustedIDX  = 1 << 26 // memory reserved on a header's word alone
)

// idxUbyte is the IDX type of unsigned bytes, in the third byte of the magic number.
const idxUbyte = 0x08

// openIDX reads the four files of the MNIST family.
func openIDX(ctx context.Context, e entry, dir string) (*Splits, []contentSum, error) {
	var sums []contentSum
	half := func(images, labels string) (*memory, error) {
		m, s, err := readIDXPair(ctx, e, dir, images, labels)
		sums = append(sums, s...)
		return m, err
	}
	train, err := half("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
	if err != nil {
		return nil, nil, err
	}
	test, err := half("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
	if err != nil {
		return nil, nil, err
	}
	return &Splits{Train: train, Test: test}, sums, nil
}

// readIDXPair reads images and their labels and checks that they belong together.
func readIDXPair(ctx context.Context, e entry, dir, images, labels string) (*memory, []contentSum, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	dims, pix, pixSum, err := readIDXFile(e, dir, images, 3)
	if err != nil {
		return nil, nil, err
	}
	count, classes, labelSum, err := readIDXFile(e, dir, labels, 1)
	if err != nil {
		return nil, nil, err
	}
	bad := func(format string, args ...any) error {
		return fault.New(fault.Data, refetchHint(e, dir), "%s: "+format, append([]any{filepath.Join(dir, images)}, args...)...)
	}
	switch size := e.info.Size; {
	case dims[0] == 0:
		return nil, nil, bad("holds no image")
	case dims[1] != size || dims[2] != size:
		return nil, nil, bad("images are %dx%d, %s has %dx%d", dims[1], dims[2], e.info.Name, size, size)
	case dims[0] != count[0]:
		return nil, nil, bad("holds %d images, %s holds %d labels", dims[0], labels, count[0])
	}
	for i, l := range classes {
		if int(l) >= len(e.info.Classes) {
			return nil, nil, bad("label %d of image %d is not below %d", l, i, len(e.info.Classes))
		}
	}
	return &memory{name: e.info.Name, classes: e.info.Classes, size: e.info.Size, c: 1, pix: pix, labels: classes},
		[]contentSum{{images, pixSum}, {labels, labelSum}}, nil
}

// readIDXFile reads NAME or NAME.gz of a dataset's folder.
func readIDXFile(e entry, dir, name string, rank int) (dims []int, content []byte, sum string, err error) {
	f, err := openEither(e, dir, name)
	if err != nil {
		return nil, nil, "", err
	}
	defer f.Close()
	dims, content, sum, err = readIDX(f, rank)
	if err != nil {
		return nil, nil, "", fault.New(fault.Data, refetchHint(e, dir), "%s: %w", f.Name(), err)
	}
	return dims, content, sum, nil
}

// openEither opens NAME, or else NAME.gz.
func openEither(e entry, dir, name string) (*os.File, error) {
	for _, n := range []string{name, name + ".gz"} {
		f, err := os.Open(filepath.Join(dir, n))
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fault.New(fault.Data, "check the rights of the file", "open dataset: %w", err)
		}
	}
	return nil, fault.New(fault.Data, refetchHint(e, dir), "%s is missing (nor is there %s.gz)", filepath.Join(dir, name), name)
}

// readIDX reads an IDX file of unsigned bytes with the given number of dimensions, gzip'ed or not, to its end
// (http://yann.lecun.com/exdb/mnist/): magic 0 0 8 rank, then the dimensions as big-endian 32-bit numbers, then the
// content. sum is the SHA-256 of the whole without compression.
func readIDX(r io.Reader, rank int) (dims []int, content []byte, sum string, err error) {
	in, err := inflated(r)
	if err != nil {
		return nil, nil, "", err
	}
	h := sha256.New()
	in = io.TeeReader(in, h)
	dims, err = readIDXHeader(in, rank)
	if err != nil {
		return nil, nil, "", err
	}
	want := int64(1)
	for _, d := range dims {
		want *= int64(d) // at most 2^30 before, 2^31 after: no overflow
		if want > maxIDXBytes {
			return nil, nil, "", fmt.Errorf("header claims dimensions %v, more than %d bytes", dims, maxIDXBytes)
		}
	}
	var b bytes.Buffer
	b.Grow(int(min(want, trustedIDX)))
	switch n, err := io.CopyN(&b, in, want); {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, nil, "", fmt.Errorf("truncated: header claims %v, %d bytes; %d are there", dims, want, n)
	case err != nil:
		return nil, nil, "", err
	}
	// Reading on to the end also has gzip compare its checksum.
	switch n, err := io.CopyN(io.Discard, in, 1); {
	case n > 0:
		return nil, nil, "", fmt.Errorf("longer than its header claims (%v, %d bytes)", dims, want)
	case !errors.Is(err, io.EOF):
		return nil, nil, "", err
	}
	return dims, b.Bytes(), hex.EncodeToString(h.Sum(nil)), nil
}

// readIDXHeader reads magic number and dimensions.
func readIDXHeader(r io.Reader, rank int) ([]int, error) {
	head := make([]byte, 4+4*rank)
	if n, err := io.ReadFull(r, head); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("truncated: %d bytes of a header of %d", n, len(head))
		}
		return nil, err
	}
	if magic, want := binary.BigEndian.Uint32(head), uint32(idxUbyte<<8|rank); magic != want {
		return nil, fmt.Errorf("not an IDX file of bytes in %d dimensions: magic number %#08x, not %#08x", rank, magic, want)
	}
	dims := make([]int, rank)
	for i := range dims {
		d := binary.BigEndian.Uint32(head[4+4*i:])
		if d > maxIDXBytes {
			return nil, fmt.Errorf("header claims %d in dimension %d", d, i)
		}
		dims[i] = int(d)
	}
	return dims, nil
}

// inflated is r without gzip, which its first two bytes tell.
func inflated(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	if magic, err := b.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return b, nil // too short for gzip: the reader of the content says what is wrong
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return z, nil
}

// refetchHint says how to replace damaged files.
func refetchHint(e entry, dir string) string {
	return fmt.Sprintf("delete %s and run: sslctl data fetch %s", dir, e.info.Name)
}
