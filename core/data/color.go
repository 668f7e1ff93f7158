package data

import (
	"image"
	"image/color"
)

// rgba copies an image, opaque. studio says that brightness and colour have the studio's range, as in WebP; Go's
// decoder gives them as if they had the full one.
func rgba(src image.Image, studio bool) *image.RGBA {
	b := src.Bounds()
	dst := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	convert := color.YCbCrToRGB
	if studio {
		convert = studioToRGB
	}
	switch src := src.(type) {
	case *image.YCbCr:
		fromYCbCr(dst, src, convert)
	case *image.NYCbCrA:
		fromYCbCr(dst, &src.YCbCr, convert)
	case *image.Gray:
		fromGray(dst, src)
	default:
		fromAny(dst, src)
	}
	return dst
}

// fromYCbCr converts an image whose rectangle begins at 0, 0, as those of decoders do.
func fromYCbCr(dst *image.RGBA, src *image.YCbCr, convert func(y, cb, cr uint8) (r, g, b uint8)) {
	cb, cr := newChroma(src, src.Cb), newChroma(src, src.Cr)
	w := src.Rect.Dx()
	for y := range src.Rect.Dy() {
		luma, blue, red := src.Y[y*src.YStride:][:w], cb.row(y)[:w], cr.row(y)[:w]
		to := dst.Pix[y*dst.Stride:][:4*w]
		for x, l := range luma {
			p := to[4*x : 4*x+4 : 4*x+4]
			p[0], p[1], p[2] = convert(l, blue[x], red[x])
			p[3] = 255
		}
	}
}

// studioToRGB converts by ITU-R BT.601 with brightness in 16..235 and colour in 16..240, in 16-bit fixed point:
//
//	R = 1.164(y-16) + 1.596(cr-128)
//	G = 1.164(y-16) - 0.392(cb-128) - 0.813(cr-128)
//	B = 1.164(y-16) + 2.017(cb-128)
func studioToRGB(y, cb, cr uint8) (r, g, b uint8) {
	l, u, v := 76309*(int32(y)-16)+1<<15, int32(cb)-128, int32(cr)-128
	return clamp(l + 104597*v), clamp(l - 25675*u - 53279*v), clamp(l + 132201*u)
}

func clamp(fixed int32) uint8 { return uint8(min(max(fixed>>16, 0), 255)) }

// chroma gives a plane of colour in the resolution of the brightness. Where it is halved, a value lies between the
// pixels of its two columns or rows, and the nearer neighbour counts three times the farther one: the triangle filter
// with which libjpeg ("fancy upsampling") and libwebp decode by default. A quarter's width is repeated.
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

// row is the colour of row y of the image; it holds until the next call. What is added before a division rounds
// alternately up and down, as libjpeg does, so that no colour drifts.
func (c *chroma) row(y int) []uint8 {
	if c.wide == 1 && c.high == 1 {
		return c.line(y)
	}
	scale := c.sum(y)
	switch c.wide {
	case 1:
		for i, s := range c.sums {
			c.out[i] = uint8((s + 1 + int32(y%2)) / scale)
		}
	case 2:
		first, second := int32(1), int32(2)
		if scale == 4 {
			first, second = 8, 7
		}
		for i, s := range c.sums {
			left, right := c.sums[max(i-1, 0)], c.sums[min(i+1, c.w-1)]
			c.out[2*i] = uint8((3*s + left + first) / (4 * scale))
			c.out[2*i+1] = uint8((3*s + right + second) / (4 * scale))
		}
	default:
		for i := range c.out {
			c.out[i] = uint8(c.sums[i/c.wide] / scale)
		}
	}
	return c.out
}

// sum mixes the two rows of the plane between which row y of the image lies, and says by how much the sums are
// too large.
func (c *chroma) sum(y int) (scale int32) {
	for i, v := range c.line(y / c.high) {
		c.sums[i] = int32(v)
	}
	if c.high == 1 {
		return 1
	}
	far := min(max(y/2-1+2*(y%2), 0), c.h-1)
	for i, v := range c.line(far) {
		c.sums[i] = 3*c.sums[i] + int32(v)
	}
	return 4
}

// line is row y of the plane.
func (c *chroma) line(y int) []uint8 { return c.plane[y*c.src.CStride:][:c.w] }

func fromGray(dst *image.RGBA, src *image.Gray) {
	w := src.Rect.Dx()
	for y := range src.Rect.Dy() {
		from, to := src.Pix[y*src.Stride:][:w], dst.Pix[y*dst.Stride:]
		for x, v := range from {
			to[4*x], to[4*x+1], to[4*x+2], to[4*x+3] = v, v, v, 255
		}
	}
}

// fromAny takes the colour below the transparency, which premultiplied values would lose.
func fromAny(dst *image.RGBA, src image.Image) {
	b := src.Bounds()
	for y := range b.Dy() {
		to := dst.Pix[y*dst.Stride:]
		for x := range b.Dx() {
			c := color.NRGBAModel.Convert(src.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			to[4*x], to[4*x+1], to[4*x+2], to[4*x+3] = c.R, c.G, c.B, 255
		}
	}
}
