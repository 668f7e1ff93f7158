package data

import "image"

// chroma gives a plane of colour in the resolution of the brightness. Where it is halved, a value lies between the
// pixels of its two columns or rows, and the nearer neighbour counts three times the farther one: the triangle filter
// with which libjpeg ("fancy upsampling") and libwebp decode by default. Where its width is quartered, values are repeated, as there.
type chroma struct {
	src        *image.YCbCr
	plane      []uint8
	w, h       int // of the plane
	wide, high int // pixels of brightness that one value covers
	sums       []int32
	out        []uint8
}

func newChroma(src *image.YCbCr, plane []uint8) *chroma {
	c := &chroma{src: src, plane: plane, wide: 1, high: 1}
	switch src.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		c.wide = 2
	case image.YCbCrSubsampleRatio420:
		c.wide, c.high = 2, 2
	case image.YCbCrSubsampleRatio440:
		c.high = 2
	case image.YCbCrSubsampleRatio411:
		c.wide = 4
	case image.YCbCrSubsampleRatio410:
		c.wide, c.high = 4, 2
	}
	c.w, c.h = (src.Rect.Dx()+c.wide-1)/c.wide, (src.Rect.Dy()+c.high-1)/c.high
	c.sums, c.out = make([]int32, c.w), make([]uint8, c.w*c.wide)
	return c
}

// row is the colour of row y of the image; it holds until the next call.
func (c *chroma) row(y int) []uint8 {
	if c.wide == 1 && c.high == 1 {
		return c.line(y)
	}
	shift := c.sum(y)
	switch c.wide {
	case 1:
		for i, s := range c.sums {
			c.out[i] = uint8((s + 1 + int32(y%2)) >> shift)
		}
	case 2:
		c.double(shift + 2)
	default:
		for i := range c.out {
			c.out[i] = uint8(c.sums[i/c.wide])
		}
	}
	return c.out
}

// sum mixes the two rows of the plane between which row y of the image lies, and says how many bits the sums are
// too long.
func (c *chroma) sum(y int) (shift int) {
	for i, v := range c.line(y / c.high) {
		c.sums[i] = int32(v)
	}
	if c.high == 1 || c.wide == 4 {
		return 0
	}
	far := min(max(y/2-1+2*(y%2), 0), c.h-1)
	for i, v := range c.line(far) {
		c.sums[i] = 3*c.sums[i] + int32(v)
	}
	return 2
}

// double makes two values of each sum. What is added before the shift rounds them up and down in turn, as libjpeg
// does, so that no colour drifts.
func (c *chroma) double(shift int) {
	first, second := int32(1), int32(2)
	if shift == 4 {
		first, second = 8, 7
	}
	left := c.sums[0]
	for i, s := range c.sums {
		right := s
		if i+1 < len(c.sums) {
			right = c.sums[i+1]
		}
		c.out[2*i] = uint8((3*s + left + first) >> shift)
		c.out[2*i+1] = uint8((3*s + right + second) >> shift)
		left = s
	}
}

// line is row y of the plane.
func (c *chroma) line(y int) []uint8 { return c.plane[y*c.src.CStride:][:c.w] }
