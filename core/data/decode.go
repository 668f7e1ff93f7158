package data

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	stdjpeg "image/jpeg"
	"image/png"
	"io"
	"os"

	"github.com/sourcegraph/conc/panics"
	"golang.org/x/image/webp"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/data/jpeg"
	"github.com/sslctl/sslctl/core/data/ycc"
)

// Bounds on an image file. Pillow warns of a decompression bomb at 89 million pixels.
const (
	maxFileBytes = 256 << 20
	maxPixels    = 64 << 20
	maxAspect    = 100 // long side over short side: beyond, resizing the short side would need absurd memory
)

// corrupt marks an error that lies in the content of a file, not in reading it.
type corrupt struct{ error }

func (c corrupt) Unwrap() error { return c.error }

func isCorrupt(err error) bool {
	var c corrupt
	return errors.As(err, &c)
}

// decodeFile reads an image as RGB. An image whose short side exceeds shortSide is shrunk to it, unless that is 0.
func decodeFile(path string, shortSide int) (augment.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return augment.Image{}, err
	}
	defer f.Close()
	content, err := readBounded(f)
	if err != nil {
		return augment.Image{}, err
	}
	img, err := decode(content, shortSide)
	if err != nil {
		return augment.Image{}, fmt.Errorf("%s: %w", path, corrupt{err})
	}
	return img, nil
}

// readBounded reads a file, or its first maxFileBytes+1 bytes, into memory of the file's size: growing would copy it several times.
func readBounded(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Grow(int(min(max(info.Size(), 0), maxFileBytes)) + bytes.MinRead) // room to find the end without growing
	_, err = b.ReadFrom(io.LimitReader(f, maxFileBytes+1))
	return b.Bytes(), err
}

// format is a kind of image file.
type format struct {
	name   string
	size   func(io.Reader) (image.Config, error)
	decode func(content []byte) (image.Image, error)
	rgb    func(image.Image) augment.Image
}

// formatOf tells the format by the first bytes of a file, whatever its name says.
func formatOf(content []byte) (format, error) {
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xd8\xff")):
		return format{"JPEG", stdjpeg.DecodeConfig, jpeg.Decode, ycc.RGB}, nil
	case bytes.HasPrefix(content, []byte("\x89PNG\r\n\x1a\n")):
		return format{"PNG", png.DecodeConfig, fromReader(png.Decode), ycc.RGB}, nil
	case len(content) >= 12 && string(content[:4]) == "RIFF" && string(content[8:12]) == "WEBP":
		return format{"WebP", webp.DecodeConfig, fromReader(webp.Decode), ycc.StudioRGB}, nil
	case len(content) == 0:
		return format{}, errors.New("empty file")
	}
	return format{}, errors.New("neither JPEG nor PNG nor WebP")
}

// fromReader makes a decoder of readers one of a file's content.
func fromReader(decode func(io.Reader) (image.Image, error)) func([]byte) (image.Image, error) {
	return func(content []byte) (image.Image, error) { return decode(bytes.NewReader(content)) }
}

// decode is decodeFile on the content of a file. Transparency is dropped and gray becomes RGB, as Pillow's
// convert("RGB") does; the orientation that a camera noted (EXIF) is not applied, as in torchvision's ImageFolder.
func decode(content []byte, shortSide int) (augment.Image, error) {
	if len(content) > maxFileBytes {
		return augment.Image{}, fmt.Errorf("larger than %d MiB", maxFileBytes>>20)
	}
	f, err := formatOf(content)
	if err != nil {
		return augment.Image{}, err
	}
	var img image.Image
	// A decoder that panics on a damaged file is a defect of the decoder, not a reason to end a training run.
	if p := panics.Try(func() { img, err = decodeBounded(f, content) }); p != nil {
		err = fmt.Errorf("decoder failed: %v", p.Value)
	}
	if err != nil {
		return augment.Image{}, fmt.Errorf("%s: %w", f.name, err)
	}
	return shrink(f.rgb(img), shortSide), nil
}

// decodeBounded decodes after the size that the header claims has been found acceptable.
func decodeBounded(f format, content []byte) (image.Image, error) {
	c, err := f.size(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	w, h := int64(c.Width), int64(c.Height)
	switch {
	case w < 1 || h < 1:
		return nil, fmt.Errorf("%dx%d pixels", w, h)
	case w*h > maxPixels:
		return nil, fmt.Errorf("%dx%d pixels are more than %d million", w, h, maxPixels>>20)
	case w > maxAspect*h || h > maxAspect*w:
		return nil, fmt.Errorf("%dx%d pixels: one side is more than %d times the other", w, h, maxAspect)
	}
	return f.decode(content)
}
