package data

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// A pack is one file: head, pixels, index, meta, tail. The last three come after the pixels, so that it is written in one pass and a
// file that was cut off anywhere has no tail. Numbers are little-endian.
//
//	head   16 bytes: packMagic, version (uint32), 0 (uint32)
//	pixels the images one after the other, training images first: rows of interleaved bytes, nothing between them
//	index  16 bytes an image: height, width (uint32), CRC-32C of its pixels (uint32), label (int32, -1 for none)
//	meta   packMeta as JSON
//	tail   64 bytes: sizes of pixels, index and meta (uint64), SHA-256 over index and meta, packMagic
const (
	packMagic   = "sslpack\n"
	packVersion = 1
	packHead    = 16
	packEntry   = 16
	packTail    = 64
	maxPackMeta = 16 << 20
)

// packMeta is what a pack says of itself. It holds no time and no path of the machine, so that the same images give the same bytes.
type packMeta struct {
	Title    string    `json:"title"`
	Classes  []string  `json:"classes"`
	Channels int       `json:"channels"`
	Size     int       `json:"size"` // edge of every image; 0 where they differ
	Side     int       `json:"side"` // bound on the short side
	Train    int       `json:"train"`
	Test     int       `json:"test"`
	Mean     []float32 `json:"mean"`
	Std      []float32 `json:"std"`
	Source   string    `json:"source_digest"` // of the data set that was packed
	Pixels   string    `json:"pixels_sha256"`
}

// packImage is an entry of the index; at is where its pixels begin, counted from the first one.
type packImage struct {
	h, w  int
	crc   uint32
	label int
	at    int64
}

// castagnoli is the polynomial that processors compute.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func packHeader() []byte {
	b := append(make([]byte, 0, packHead), packMagic...)
	b = binary.LittleEndian.AppendUint32(b, packVersion)
	return binary.LittleEndian.AppendUint32(b, 0)
}

func appendPackEntry(b []byte, m packImage) []byte {
	for _, v := range []uint32{uint32(m.h), uint32(m.w), m.crc, uint32(int32(m.label))} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// packEnd is index, meta and tail.
func packEnd(pixels int64, index, meta []byte) []byte {
	b := append(append(make([]byte, 0, len(index)+len(meta)+packTail), index...), meta...)
	sum := sha256.Sum256(b)
	for _, v := range []int64{pixels, int64(len(index)), int64(len(meta))} {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return append(append(b, sum[:]...), packMagic...)
}

// Errors of a pack by which its reader chooses what to advise.
var (
	errNoPack      = errors.New("neither a folder nor a pack of images")
	errPackVersion = errors.New("unknown version of the pack format")
	errPackCut     = errors.New("pack is truncated")
)

// parsePack reads all but the pixels of a pack. Nothing in it is trusted: sizes have to add up to the file's, and memory is only taken for
// what is there.
func parsePack(file []byte) (meta packMeta, images []packImage, sum [sha256.Size]byte, err error) {
	if len(file) < packHead || string(file[:8]) != packMagic {
		return meta, nil, sum, errNoPack
	}
	if v := binary.LittleEndian.Uint32(file[8:]); v != packVersion {
		return meta, nil, sum, fmt.Errorf("%w: %d, not %d", errPackVersion, v, packVersion)
	}
	size := len(file)
	if size < packHead+packTail || string(file[size-8:]) != packMagic {
		return meta, nil, sum, fmt.Errorf("%w: %d bytes without the end that a whole one has", errPackCut, size)
	}
	tail := file[size-packTail:]
	pixels, index, text := binary.LittleEndian.Uint64(tail), binary.LittleEndian.Uint64(tail[8:]), binary.LittleEndian.Uint64(tail[16:])
	body := uint64(size - packHead - packTail)
	if pixels > body || index > body-pixels || text != body-pixels-index || text > maxPackMeta || index%packEntry != 0 {
		return meta, nil, sum, fmt.Errorf("%w: its end speaks of %d + %d + %d bytes, between head and end are %d", errPackCut, pixels, index, text, body)
	}
	end := file[packHead+pixels : size-packTail]
	sum = sha256.Sum256(end)
	if sum != [sha256.Size]byte(tail[24:56]) {
		return meta, nil, sum, errors.New("pack is corrupt: the SHA-256 of its index is another")
	}
	if err := json.Unmarshal(end[index:], &meta); err != nil {
		return meta, nil, sum, fmt.Errorf("pack is corrupt: description: %w", err)
	}
	if err := meta.check(int(index / packEntry)); err != nil {
		return meta, nil, sum, fmt.Errorf("pack is corrupt: %w", err)
	}
	if images, err = parseIndex(end[:index], meta, pixels); err != nil {
		return meta, nil, sum, fmt.Errorf("pack is corrupt: %w", err)
	}
	return meta, images, sum, nil
}

// check says what of a description no writer would have written.
func (m packMeta) check(images int) error {
	switch {
	case m.Channels != 1 && m.Channels != 3:
		return fmt.Errorf("%d channels, want 1 or 3", m.Channels)
	case m.Train < 1 || m.Test < 0 || m.Train > images || m.Test != images-m.Train:
		return fmt.Errorf("%d training and %d test images, but %d in the index", m.Train, m.Test, images)
	case m.Size < 0 || m.Size > maxPixels:
		return fmt.Errorf("images of edge %d", m.Size)
	case len(m.Mean) != m.Channels || len(m.Std) != m.Channels:
		return fmt.Errorf("mean and deviation of %d and %d channels, want %d", len(m.Mean), len(m.Std), m.Channels)
	}
	for c := range m.Mean {
		if mean, std := float64(m.Mean[c]), float64(m.Std[c]); math.Abs(mean) > 1 || !(std > 0 && std <= 1) {
			return fmt.Errorf("mean %v and deviation %v of channel %d, want shares of 255", mean, std, c)
		}
	}
	return nil
}

// parseIndex reads the entries and has their images fill the pixels exactly.
func parseIndex(index []byte, m packMeta, pixels uint64) ([]packImage, error) {
	images := make([]packImage, len(index)/packEntry)
	at := uint64(0)
	for i := range images {
		e := index[i*packEntry:]
		h, w := binary.LittleEndian.Uint32(e), binary.LittleEndian.Uint32(e[4:])
		label := int32(binary.LittleEndian.Uint32(e[12:]))
		bytes := uint64(h) * uint64(w) // below 2^64
		switch {
		case h == 0 || w == 0 || bytes > maxPixels:
			return nil, fmt.Errorf("image %d of %dx%d pixels", i, w, h)
		case m.Size > 0 && (int64(h) != int64(m.Size) || int64(w) != int64(m.Size)):
			return nil, fmt.Errorf("image %d of %dx%d pixels where all have %dx%d", i, w, h, m.Size, m.Size)
		case label < -1 || int64(label) >= int64(len(m.Classes)):
			return nil, fmt.Errorf("label %d of image %d is not below %d", label, i, len(m.Classes))
		}
		bytes *= uint64(m.Channels)
		if bytes > pixels-at {
			return nil, fmt.Errorf("image %d reaches beyond the pixels", i)
		}
		images[i] = packImage{h: int(h), w: int(w), crc: binary.LittleEndian.Uint32(e[8:]), label: int(label), at: int64(at)}
		at += bytes
	}
	if at != pixels {
		return nil, fmt.Errorf("%d bytes of pixels belong to no image", pixels-at)
	}
	return images, nil
}
