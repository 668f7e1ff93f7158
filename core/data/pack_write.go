package data

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"runtime"

	"github.com/sourcegraph/conc/stream"

	"github.com/sslctl/sslctl/augment"
	"github.com/sslctl/sslctl/core/durable"
	"github.com/sslctl/sslctl/core/fault"
)

// DefaultPackSide bounds the short side of packed images when PackOptions name no bound: what evaluation at 224 pixels resizes to.
const DefaultPackSide = 256

// PackOptions say how to pack.
type PackOptions struct {
	Side     int                   // images are shrunk to this short side, none is enlarged; 0 for DefaultPackSide
	Workers  int                   // goroutines that decode; 0 for one for each core
	Progress func(done, total int) // told after each image, one call at a time; may be nil
}

// Pack writes a data set's images, decoded and shrunk, into one file, whose path [Open] then takes in place of the data set. Splits,
// classes, labels and order are those of the data set, so a run on the pack draws the same views of the same images; where the pack's
// side is also what the folder would be shrunk to (twice the view's size), to the bit. The same images give the same file.
//
// The file appears whole or not at all (temporary file, fsync, rename), also when ctx ends. One that is there is not replaced.
// A corrupt image is an error, or replaced by its stand-in, as Options.OnCorrupt says.
func Pack(ctx context.Context, o Options, path string, po PackOptions) (Info, error) {
	if po.Side == 0 {
		po.Side = DefaultPackSide
	}
	if po.Side < 1 {
		return Info{}, fault.New(fault.Usage, "take at least the edge of the views that training will cut, such as 256", "pack: short side of %d pixels", po.Side)
	}
	if _, err := os.Lstat(path); err == nil {
		return Info{}, fault.New(fault.Usage, "delete it, or name another file", "pack: %s exists", path)
	}
	o.ShortSide, o.CacheBytes = po.Side, -1
	s, err := Open(ctx, o)
	if err != nil {
		return Info{}, err
	}
	w := &packWriter{splits: s, options: po}
	if err := w.describe(); err != nil {
		return Info{}, err
	}
	if err := durable.Write(path, func(out io.Writer) error { return w.write(ctx, out) }); err != nil {
		if durable.IsFull(err) {
			return Info{}, fault.New(fault.Data, "free space, or take a smaller side", "pack: %w", err)
		}
		if fault.CodeOf(err) == fault.Internal && ctx.Err() == nil {
			return Info{}, fault.New(fault.Data, "check that the folder exists and can be written", "pack: %w", err)
		}
		return Info{}, fmt.Errorf("pack: %w", err)
	}
	packed, err := Open(ctx, Options{Name: path})
	if err != nil {
		return Info{}, err
	}
	return packed.Info, nil
}

// packWriter writes one pack.
type packWriter struct {
	splits  *Splits
	options PackOptions
	meta    packMeta
	index   []byte
	bytes   int64
}

// describe fills the meta, but for the pixels' sum.
func (w *packWriter) describe() error {
	s := w.splits
	w.meta = packMeta{Title: s.Info.Title, Classes: s.Train.Classes(), Channels: s.Train.Channels(), Side: w.options.Side,
		Train: s.Train.Len(), Test: s.Test.Len(), Mean: s.Info.Mean, Std: s.Info.Std, Source: s.Digest}
	switch ds := s.Train.(type) {
	case *memory:
		w.meta.Size = ds.size
		if ds.size > w.options.Side {
			return fault.New(fault.Usage, "leave the side out", "pack: the images of %s have %d pixels and are not shrunk to %d", ds.name, ds.size, w.options.Side)
		}
	case *packed:
		return fault.New(fault.Usage, "use it as it is, or pack what it was made of", "pack: %s is a pack already", ds.path)
	}
	return nil
}

// write decodes in parallel and writes in order.
func (w *packWriter) write(ctx context.Context, out io.Writer) error {
	if _, err := out.Write(packHeader()); err != nil {
		return err
	}
	workers := w.options.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	pixels := sha256.New()
	to := io.MultiWriter(out, pixels)
	total := w.meta.Train + w.meta.Test
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	decoding := stream.New().WithMaxGoroutines(workers)
	for i := 0; i < total && ctx.Err() == nil; i++ {
		decoding.Go(func() stream.Callback {
			if ctx.Err() != nil {
				return func() {}
			}
			img, label, err := w.image(i)
			return func() {
				if err == nil && ctx.Err() == nil {
					err = w.add(to, img, label)
				}
				if err != nil {
					cancel(err)
				} else if ctx.Err() == nil && w.options.Progress != nil {
					w.options.Progress(i+1, total)
				}
			}
		})
	}
	decoding.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w.meta.Pixels = hex.EncodeToString(pixels.Sum(nil))
	text, err := json.Marshal(w.meta)
	if err != nil {
		return fmt.Errorf("describe pack: %w", err)
	}
	_, err = out.Write(packEnd(w.bytes, w.index, text))
	return err
}

// image is image i of both halves, training images first.
func (w *packWriter) image(i int) (augment.Image, int, error) {
	ds := w.splits.Train
	if i >= ds.Len() {
		i, ds = i-ds.Len(), w.splits.Test
	}
	img, err := ds.Image(i)
	return img, ds.Label(i), err
}

func (w *packWriter) add(out io.Writer, img augment.Image, label int) error {
	w.index = appendPackEntry(w.index, packImage{h: img.H, w: img.W, crc: crc32.Checksum(img.Pix, castagnoli), label: label})
	w.bytes += int64(len(img.Pix))
	_, err := out.Write(img.Pix)
	return err
}
