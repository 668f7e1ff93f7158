package jpeg

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"testing"
)

// TestDamagedFilesAreImageJPEGsToJudge: with bytes changed, lost or cut off, a file is either none for this decoder or what
// image/jpeg makes of it.
func TestDamagedFilesAreImageJPEGsToJudge(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	decoded, refused := 0, 0
	for _, content := range samples(t) {
		for range 60 {
			c := bytes.Clone(content)
			at := r.IntN(len(c))
			switch r.IntN(4) {
			case 0:
				c = c[:at]
			case 1:
				c = append(c[:at], c[at+1:]...)
			case 2:
				c[at] = 0xff
			default:
				c[at] ^= 1 << r.IntN(8)
			}
			if agree(t, c) {
				decoded++
			} else {
				refused++
			}
		}
	}
	if decoded < 50 || refused < 50 {
		t.Errorf("%d were decoded and %d refused: both ways want a test", decoded, refused)
	}
}

// TestDecodeExtremes: the worst quality and the best, noise, flat and gray pictures, and sizes around whole MCUs. Flat ones
// have blocks with nothing but a mean, noise has codes of all lengths and values that leave the range of a byte.
func TestDecodeExtremes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, quality := range []int{1, 50, 100} {
		for _, edge := range []int{1, 7, 8, 9, 16, 17, 40} {
			gray, colour := image.NewGray(image.Rect(0, 0, edge, edge)), image.NewRGBA(image.Rect(0, 0, edge+1, edge))
			flat := image.NewUniform(color.RGBA{200, 30, uint8(edge), 255})
			for i := range gray.Pix {
				gray.Pix[i] = -uint8(r.IntN(2)) // black or white
			}
			for i := range colour.Pix {
				colour.Pix[i] = uint8(r.Uint32())
			}
			for _, img := range []image.Image{gray, colour, cut{flat, colour.Rect}} {
				var b bytes.Buffer
				if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
					t.Fatal(err)
				}
				if !agree(t, b.Bytes()) {
					t.Errorf("quality %d, edge %d, %T: left to image/jpeg", quality, edge, img)
				}
			}
		}
	}
}

// cut is a picture with another's bounds.
type cut struct {
	image.Image
	bounds image.Rectangle
}

func (c cut) Bounds() image.Rectangle { return c.bounds }

// FuzzDecode: whatever is decoded here is what image/jpeg makes of it.
func FuzzDecode(f *testing.F) {
	for _, content := range samples(f) {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		if c, err := jpeg.DecodeConfig(bytes.NewReader(content)); err != nil || c.Width*c.Height > 1<<20 {
			t.Skip("larger than a test wants, or no picture")
		}
		agree(t, content)
	})
}
