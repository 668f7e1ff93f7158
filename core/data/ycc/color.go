package ycc

import (
	"image"
	"image/color"

	"github.com/sslctl/sslctl/augment"
)

// RGB copies an image, whose rectangle begins at 0, 0 if it is of YCbCr, without its transparency.
func RGB(src image.Image) augment.Image {
	k := detect()
	return k.rgb(src, k.fullRange)
}

// StudioRGB is RGB of an image whose brightness and colour have the studio's range, as in WebP; Go's decoder gives them as
// if they had the full one.
func StudioRGB(src image.Image) augment.Image { return detect().rgb(src, studioRange) }

// conversion makes a row of RGB from one of brightness and two of colour.
type conversion func(to, y, cb, cr []uint8)

func (k *kernels) rgb(src image.Image, convert conversion) augment.Image {
	b := src.Bounds()
	dst := augment.Image{Pix: make([]uint8, 3*b.Dx()*b.Dy()), H: b.Dy(), W: b.Dx(), C: 3}
	switch src := src.(type) {
	case *image.YCbCr:
		k.fromYCbCr(dst, src, convert)
	case *image.NYCbCrA:
		k.fromYCbCr(dst, &src.YCbCr, convert)
	case *image.Gray:
		fromGray(dst, src)
	default:
		fromAny(dst, src)
	}
	return dst
}

// fromYCbCr converts an image whose rectangle begins at 0, 0, as those of decoders do.
func (k *kernels) fromYCbCr(dst augment.Image, src *image.YCbCr, convert conversion) {
	cb, cr := newChroma(src, src.Cb, k.double), newChroma(src, src.Cr, k.double)
	for y := range dst.H {
		convert(dst.Pix[3*dst.W*y:][:3*dst.W], src.Y[y*src.YStride:][:dst.W], cb.row(y)[:dst.W], cr.row(y)[:dst.W])
	}
}

// fullRange converts a row of JPEG's colours (JFIF: all three in 0..255), in 16-bit fixed point:
//
//	R = y + 1.402(cr-128)
//	G = y - 0.344136(cb-128) - 0.714136(cr-128)
//	B = y + 1.772(cb-128)
func fullRange(to, y, cb, cr []uint8) {
	cb, cr = cb[:len(y)], cr[:len(y)]
	for i, l := range y {
		l, u, v := int32(l)<<16+1<<15, int32(cb[i])-128, int32(cr[i])-128
		put((*[3]uint8)(to), l+91881*v, l-22554*u-46802*v, l+116130*u)
		to = to[3:]
	}
}

// studioRange converts a row of WebP's colours (ITU-R BT.601: brightness in 16..235, colour in 16..240):
//
//	R = 1.164(y-16) + 1.596(cr-128)
//	G = 1.164(y-16) - 0.392(cb-128) - 0.813(cr-128)
//	B = 1.164(y-16) + 2.017(cb-128)
func studioRange(to, y, cb, cr []uint8) {
	cb, cr = cb[:len(y)], cr[:len(y)]
	for i, l := range y {
		l, u, v := 76309*(int32(l)-16)+1<<15, int32(cb[i])-128, int32(cr[i])-128
		put((*[3]uint8)(to), l+104597*v, l-25675*u-53279*v, l+132201*u)
		to = to[3:]
	}
}

// put rounds a pixel in 16-bit fixed point down to bytes. Few pixels leave their range, so one test asks for all three.
func put(p *[3]uint8, r, g, b int32) {
	if uint32(r|g|b) >= 256<<16 {
		r, g, b = clamp(r), clamp(g), clamp(b)
	}
	p[0], p[1], p[2] = uint8(r>>16), uint8(g>>16), uint8(b>>16)
}

// clamp brings 16-bit fixed point into the range of a byte.
func clamp(fixed int32) int32 { return min(max(fixed, 0), 255<<16) }

func fromGray(dst augment.Image, src *image.Gray) {
	for y := range dst.H {
		to := dst.Pix[3*dst.W*y:]
		for x, v := range src.Pix[y*src.Stride:][:dst.W] {
			to[3*x], to[3*x+1], to[3*x+2] = v, v, v
		}
	}
}

// fromAny takes the colour below the transparency, which premultiplied values would lose.
func fromAny(dst augment.Image, src image.Image) {
	b := src.Bounds()
	for y := range dst.H {
		to := dst.Pix[3*dst.W*y:]
		for x := range dst.W {
			c := color.NRGBAModel.Convert(src.At(b.Min.X+x, b.Min.Y+y)).(color.NRGBA)
			to[3*x], to[3*x+1], to[3*x+2] = c.R, c.G, c.B
		}
	}
}
