package ycc

import (
	"encoding/binary"
	"image"
)

// chroma gives a plane of colour in the resolution of the brightness. Where it is halved, a value lies between the
// pixels of its two columns or rows, and the nearer neighbour counts three times the farther one: the triangle filter
// with which libjpeg ("fancy upsampling") and libwebp decode by default. Where its width is quartered, values are repeated, as there.
type chroma struct {
	src        *image.YCbCr
	plane      []uint8
	w, h       int // of the plane
	wide, high int // pixels of brightness that one value covers
	out        []uint8
	double     func(out, near, far []uint8, toLeft, toRight uint32)
}

func newChroma(src *image.YCbCr, plane []uint8, double func(out, near, far []uint8, toLeft, toRight uint32)) *chroma {
	c := &chroma{src: src, plane: plane, wide: 1, high: 1, double: double}
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
	c.out = make([]uint8, c.w*c.wide)
	return c
}

// row is the colour of row y of the image; it holds until the next call.
func (c *chroma) row(y int) []uint8 {
	near := c.line(y / c.high)
	switch {
	case c.wide == 4:
		repeat(c.out, near)
	case c.wide == 2 && c.high == 2:
		c.double(c.out, near, c.farther(y), 8, 7)
	case c.wide == 2:
		c.double(c.out, near, near, 4, 8)
	case c.high == 2:
		mix(c.out, near, c.farther(y), 1+uint32(y%2))
	default:
		return near
	}
	return c.out
}

// line is row y of the plane.
func (c *chroma) line(y int) []uint8 { return c.plane[y*c.src.CStride:][:c.w] }

// farther is the farther of the two rows of the plane between which row y of the image lies, where the height is halved.
func (c *chroma) farther(y int) []uint8 {
	return c.line(min(max(y/2-1+2*(y%2), 0), c.h-1))
}

// repeat makes four of each value.
func repeat(out, values []uint8) {
	for i, v := range values {
		binary.LittleEndian.PutUint32(out[4*i:], 0x01010101*uint32(v))
	}
}

// mix lays a row between two of the plane; round is added before the fourth is taken.
func mix(out, near, far []uint8, round uint32) {
	out, far = out[:len(near)], far[:len(near)]
	for i, v := range near {
		out[i] = uint8((3*uint32(v) + uint32(far[i]) + round) >> 2)
	}
}

// double mixes two rows of the plane and makes two values of each sum. What is added before the sixteenth is taken, to the
// left one and to the right one, rounds them up and down in turn, as libjpeg does, so that no colour drifts. Where the
// height is not halved, near and far are the same row, and libjpeg's 1 and 2 before the fourth become 4 and 8.
func double(out, near, far []uint8, toLeft, toRight uint32) {
	far = far[:len(near)]
	here := 3*uint32(near[0]) + uint32(far[0])
	left := here
	for i := 1; i < len(near); i++ {
		right := 3*uint32(near[i]) + uint32(far[i])
		pair := out[:2]
		pair[0], pair[1] = uint8((3*here+left+toLeft)>>4), uint8((3*here+right+toRight)>>4)
		left, here, out = here, right, out[2:]
	}
	out[0], out[1] = uint8((3*here+left+toLeft)>>4), uint8((4*here+toRight)>>4)
}
