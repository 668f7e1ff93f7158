package data

import (
	"math"

	"github.com/sslctl/sslctl/augment"
)

// shrink brings the short side of an RGB image down to shortSide; 0 leaves it, and none is enlarged. It is Pillow's
// bilinear resize, and so torchvision's Resize with antialiasing: a triangle filter as wide as the scale, weights of
// 22 bits, first the columns and then the rows, each rounded to a byte. The long side is rounded down.
func shrink(src augment.Image, shortSide int) augment.Image {
	if shortSide == 0 || min(src.W, src.H) <= shortSide {
		return src
	}
	w, h := shortSide*src.W/src.H, shortSide
	if src.W < src.H {
		w, h = shortSide, shortSide*src.H/src.W
	}
	narrow := augment.Image{Pix: make([]uint8, 3*w*src.H), H: src.H, W: w, C: 3}
	columns := newTriangle(src.W, w)
	for y := range src.H {
		columns.row(narrow.Pix[3*w*y:][:3*w], src.Pix[3*src.W*y:][:3*src.W])
	}
	dst := augment.Image{Pix: make([]uint8, 3*w*h), H: h, W: w, C: 3}
	newTriangle(src.H, h).column(dst.Pix, narrow.Pix, 3*w)
	return dst
}

// weightBits is the precision of weights: with bytes and a sign they fill 32 bits.
const weightBits = 22

// triangle is a filter from in samples to out: of each output the first input and the weights.
type triangle []struct {
	first   int
	weights []int32
}

// newTriangle makes a filter for in > out.
func newTriangle(in, out int) triangle {
	t := make(triangle, out)
	scale := float64(in) / float64(out)
	for i := range t {
		center := (float64(i) + 0.5) * scale
		first, end := max(int(center-scale+0.5), 0), min(int(center+scale+0.5), in)
		t[i].first, t[i].weights = first, make([]int32, end-first)
		weight := func(x int) float64 { return max(0, 1-math.Abs((float64(x)-center+0.5)/scale)) }
		sum := 0.0
		for x := first; x < end; x++ {
			sum += weight(x)
		}
		for x := first; x < end; x++ {
			t[i].weights[x-first] = int32(float64(weight(x)/sum*(1<<weightBits)) + 0.5) // the conversion forbids a fused sum
		}
	}
	return t
}

// row filters a row of RGB pixels.
func (t triangle) row(dst, src []uint8) {
	for i, f := range t {
		const half = 1 << (weightBits - 1)
		r, g, b := int32(half), int32(half), int32(half)
		from := src[3*f.first:]
		for k, w := range f.weights {
			p := from[3*k : 3*k+3 : 3*k+3]
			r, g, b = r+w*int32(p[0]), g+w*int32(p[1]), b+w*int32(p[2])
		}
		to := dst[3*i : 3*i+3 : 3*i+3]
		to[0], to[1], to[2] = byteOf(r), byteOf(g), byteOf(b)
	}
}

// column filters all columns of rows that have stride bytes.
func (t triangle) column(dst, src []uint8, stride int) {
	sums := make([]int32, stride)
	for i, f := range t {
		for x := range sums {
			sums[x] = 1 << (weightBits - 1)
		}
		for k, w := range f.weights {
			for x, v := range src[(f.first+k)*stride:][:stride] {
				sums[x] += w * int32(v)
			}
		}
		for x, s := range sums {
			dst[i*stride+x] = byteOf(s)
		}
	}
}

// byteOf drops the fraction of a sum of weighted bytes.
func byteOf(sum int32) uint8 { return uint8(min(max(sum>>weightBits, 0), 255)) }
