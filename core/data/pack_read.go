package data

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime/debug"
	"syscall"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/fault"
)

// packed is one half of a pack: images that lie decoded in a mapped file. The system reads and forgets its pages as memory allows, so
// there is no cache here, and several processes share one copy. The mapping lasts as long as the process, for the images that were
// handed out point into it.
type packed struct {
	path   string
	meta   packMeta
	size   int
	pixels []byte // of both halves
	images []packImage
}

func (p *packed) Name() string      { return p.path }
func (p *packed) Len() int          { return len(p.images) }
func (p *packed) Classes() []string { return p.meta.Classes }
func (p *packed) Channels() int     { return p.meta.Channels }
func (p *packed) Size() int         { return p.size }
func (p *packed) Label(i int) int   { return p.images[i].label }

func (p *packed) bounds() (height, width int) {
	for _, m := range p.images {
		height, width = max(height, m.h), max(width, m.w)
	}
	return height, width
}

// Image compares the pixels with their checksum at every call: it costs a few microseconds, brings the pages into memory, and tells of a
// file that changed or shrank below the mapping. A file that shrinks between this call and the use of its pixels ends the program.
func (p *packed) Image(i int) (augment.Image, error) {
	m := p.images[i]
	n := int64(m.h * m.w * p.meta.Channels)
	pix := p.pixels[m.at : m.at+n : m.at+n]
	sum, err := checksum(pix)
	switch {
	case err != nil:
		return augment.Image{}, fault.New(fault.Data, "check the disk; or pack the images again: sslctl data pack", "%s: image %d cannot be read: %w", p.path, i, err)
	case sum != m.crc:
		return augment.Image{}, fault.New(fault.Data, "the file was changed or damaged: pack the images again: sslctl data pack",
			"%s: image %d is corrupt: its checksum is %08x, not %08x", p.path, i, sum, m.crc)
	}
	return augment.Image{Pix: pix, H: m.h, W: m.w, C: p.meta.Channels}, nil
}

// checksum is the CRC-32C of mapped memory; pages that cannot be read are an error.
func checksum(mapped []byte) (sum uint32, err error) {
	before := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(before)
	defer catchFault(&err)
	return crc32.Checksum(mapped, castagnoli), nil
}

// catchFault makes an error of an access to memory that is mapped but not there, and of nothing else.
func catchFault(err *error) {
	r := recover()
	if r == nil {
		return
	}
	if _, ok := r.(interface{ Addr() uintptr }); !ok {
		panic(r)
	}
	*err = errors.New("the file has become shorter, or the disk has failed")
}

// openPack maps a pack. Its head, index and description are checked now, the pixels of an image when it is asked for.
func openPack(path string, o Options) (*Splits, error) {
	file, err := mapFile(path)
	if err != nil {
		return nil, fault.New(fault.Data, "check the path and the rights of the file", "open pack: %w", err)
	}
	meta, images, sum, err := parseMapped(file)
	if err != nil {
		return nil, fault.New(fault.Data, packHint(err), "%s: %w", path, err)
	}
	size := meta.Size
	if size == 0 {
		size = o.Size
	}
	if size == 0 {
		size = DefaultFolderSize
	}
	last := images[len(images)-1]
	pixels := file[packHead : packHead+last.at+int64(last.h*last.w*meta.Channels)]
	half := func(images []packImage) *packed {
		return &packed{path: path, meta: meta, size: size, pixels: pixels, images: images}
	}
	s := &Splits{Train: half(images[:meta.Train]), Test: half(images[meta.Train:]), Digest: hex.EncodeToString(sum[:]), skips: &skipList{}}
	s.Info = Info{
		Name: path, Title: meta.Title + ", packed", Source: path, Train: meta.Train, Test: meta.Test, Classes: meta.Classes, Channels: meta.Channels,
		Size: size, Mean: meta.Mean, Std: meta.Std, Bytes: int64(len(file)), Present: true, Dir: path, Digest: s.Digest,
	}
	return s, nil
}

// parseMapped is parsePack on mapped memory.
func parseMapped(file []byte) (meta packMeta, images []packImage, sum [32]byte, err error) {
	before := debug.SetPanicOnFault(true)
	defer debug.SetPanicOnFault(before)
	defer catchFault(&err)
	return parsePack(file)
}

// mapFile maps a whole file for reading. An empty one, which no system maps, is nil.
func mapFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return nil, err
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	return b, nil
}

// packHint says what to do about a file that is no pack or no whole one.
func packHint(err error) string {
	switch {
	case errors.Is(err, errNoPack):
		return "give a folder of images, a file that sslctl data pack wrote, or a name of sslctl data list"
	case errors.Is(err, errPackVersion):
		return "pack the images again with this version: sslctl data pack"
	}
	return "copy the file again, or pack the images again: sslctl data pack"
}
