package ycc

import (
	"fmt"
	"image"
	"testing"

	"github.com/sslctl/sslctl/augment"
)

// TestRGBOfEverySubsampling: the rows that every set of kernels converts at once equal pixels converted one by one by the formulas, to
// the bit, for every subsampling, at odd sizes and at the edges, where a value has no neighbour.
func TestRGBOfEverySubsampling(t *testing.T) {
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		for _, size := range []image.Point{{1, 1}, {2, 1}, {1, 2}, {3, 2}, {2, 3}, {4, 5}, {5, 4}, {7, 9}, {9, 7}, {31, 5}, {33, 17}, {36, 3}, {37, 4}, {64, 61}, {99, 7}} {
			for _, c := range conversions() {
				t.Run(fmt.Sprintf("%v %v %s", ratio, size, c.name), func(t *testing.T) {
					// Decoders give a part of a larger image: rows are longer than the picture is wide.
					whole := image.NewYCbCr(image.Rect(0, 0, size.X+16, size.Y+16), ratio)
					extremes(whole.Y, 1)
					extremes(whole.Cb, 2)
					extremes(whole.Cr, 3)
					src := whole.SubImage(image.Rectangle{Max: size}).(*image.YCbCr)
					got := c.rgb(src)
					if got.W != size.X || got.H != size.Y || len(got.Pix) != 3*size.X*size.Y {
						t.Fatalf("%dx%d with %d bytes", got.W, got.H, len(got.Pix))
					}
					for y := range size.Y {
						for x := range size.X {
							want := pixel(src, x, y, c.studio)
							if p := [3]uint8(got.Pix[3*(y*size.X+x):]); p != want {
								t.Fatalf("pixel %d,%d: %v, want %v", x, y, p, want)
							}
						}
					}
				})
			}
		}
	}
}

// named is a way of conversion under test.
type named struct {
	name   string
	studio bool
	rgb    func(image.Image) augment.Image
}

// conversions are all ways that this machine can go.
func conversions() []named {
	all := []named{{"RGB", false, RGB}, {"StudioRGB", true, StudioRGB}}
	for _, k := range sets() {
		all = append(all,
			named{k.name, false, func(src image.Image) augment.Image { return k.rgb(src, k.fullRange) }},
			named{k.name + " studio", true, func(src image.Image) augment.Image { return k.rgb(src, studioRange) }})
	}
	return all
}

// extremes fills a plane with bytes of the whole range; every third is an extreme, so that sums leave the range.
func extremes(plane []uint8, seed uint32) {
	for i := range plane {
		seed = seed*1664525 + 1013904223
		plane[i] = uint8(seed >> 24)
		if i%3 == 0 {
			plane[i] = uint8(int8(plane[i]) >> 7)
		}
	}
}

// pixel is one pixel of RGB, by the formulas of libjpeg and libwebp alone.
func pixel(src *image.YCbCr, x, y int, studio bool) [3]uint8 {
	l := int(src.Y[src.YOffset(x, y)])
	u, v := value(src, src.Cb, x, y)-128, value(src, src.Cr, x, y)-128
	if studio {
		l = 76309 * (l - 16)
		return [3]uint8{saturate(l + 104597*v), saturate(l - 25675*u - 53279*v), saturate(l + 132201*u)}
	}
	l <<= 16
	return [3]uint8{saturate(l + 91881*v), saturate(l - 22554*u - 46802*v), saturate(l + 116130*u)}
}

// saturate rounds 16-bit fixed point to the nearest byte.
func saturate(fixed int) uint8 {
	switch n := (fixed + 1<<15) >> 16; {
	case n < 0:
		return 0
	case n > 255:
		return 255
	default:
		return uint8(n)
	}
}

// value is the colour of one pixel, of weights 3 and 1 along each side that is halved.
func value(src *image.YCbCr, plane []uint8, x, y int) int {
	w, h := src.Rect.Dx(), src.Rect.Dy()
	at := func(i, j int) int { return int(plane[j*src.CStride+i]) }
	// nearer and farther give the two values along a side between which pixel i lies.
	nearer := func(i int) int { return i / 2 }
	farther := func(i, n int) int {
		if i%2 == 0 {
			return max(i/2-1, 0)
		}
		return min(i/2+1, (n+1)/2-1)
	}
	switch src.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		return (3*at(nearer(x), y) + at(farther(x, w), y) + 1 + x%2) / 4
	case image.YCbCrSubsampleRatio440:
		return (3*at(x, nearer(y)) + at(x, farther(y, h)) + 1 + y%2) / 4
	case image.YCbCrSubsampleRatio420:
		column := func(i int) int { return 3*at(i, nearer(y)) + at(i, farther(y, h)) }
		return (3*column(nearer(x)) + column(farther(x, w)) + 8 - x%2) / 16
	case image.YCbCrSubsampleRatio411:
		return at(x/4, y)
	case image.YCbCrSubsampleRatio410:
		return at(x/4, y/2)
	}
	return at(x, y)
}
