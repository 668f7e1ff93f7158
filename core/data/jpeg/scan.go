package jpeg

import "image"

// block holds the coefficients of 8 x 8 pixels, dequantised, transposed: coefficient (row, column) at 8*column+row.
type block [64]int32

// unzig leads from the order of the file to a block's.
var unzig = [64]uint8{
	0, 8, 1, 2, 9, 16, 24, 17,
	10, 3, 4, 11, 18, 25, 32, 40,
	33, 26, 19, 12, 5, 6, 13, 20,
	27, 34, 41, 48, 56, 49, 42, 35,
	28, 21, 14, 7, 15, 22, 29, 36,
	43, 50, 57, 58, 51, 44, 37, 30,
	23, 31, 38, 45, 52, 59, 60, 53,
	46, 39, 47, 54, 61, 62, 55, 63,
}

// picture is what a scan is decoded into, in whole MCUs.
type picture struct {
	img    image.Image
	planes []plane
	across int // MCUs
	down   int
}

type plane struct {
	pix    []uint8
	stride int
	dc     int32 // the last block's, from which the next one's differs
}

// newPicture allocates what image/jpeg would.
func newPicture(h *header) *picture {
	first := h.components[0]
	w, ht := 8*first.wide, 8*first.high
	p := &picture{across: (h.width + w - 1) / w, down: (h.height + ht - 1) / ht}
	whole, shown := image.Rect(0, 0, p.across*w, p.down*ht), image.Rect(0, 0, h.width, h.height)
	if len(h.components) == 1 {
		g := image.NewGray(whole)
		p.planes = []plane{{pix: g.Pix, stride: g.Stride}}
		p.img = g.SubImage(shown)
		return p
	}
	y := image.NewYCbCr(whole, subsampling(first.wide, first.high))
	p.planes = []plane{{pix: y.Y, stride: y.YStride}, {pix: y.Cb, stride: y.CStride}, {pix: y.Cr, stride: y.CStride}}
	p.img = y.SubImage(shown)
	return p
}

// subsampling names a MCU of so many blocks of brightness and one of each colour.
func subsampling(wide, high int) image.YCbCrSubsampleRatio {
	if high == 1 {
		return [...]image.YCbCrSubsampleRatio{1: image.YCbCrSubsampleRatio444, 2: image.YCbCrSubsampleRatio422, 4: image.YCbCrSubsampleRatio411}[wide]
	}
	return [...]image.YCbCrSubsampleRatio{1: image.YCbCrSubsampleRatio440, 2: image.YCbCrSubsampleRatio420, 4: image.YCbCrSubsampleRatio410}[wide]
}

// decodeScan decodes all segments of a scan, which must end with the file's end marker.
func (p *picture) decodeScan(h *header, content []byte, k *kernels) bool {
	total := p.across * p.down
	each := total
	if h.restart > 0 {
		each = h.restart
	}
	buffer := make([]byte, 0, len(content)+slack)
	for from, n := 0, 0; from < total; from, n = from+each, n+1 {
		b, rest, ok := unstuff(content, buffer)
		if !ok {
			return false
		}
		for i := range p.planes {
			p.planes[i].dc = 0
		}
		if !p.decodeSegment(h, &b, from, min(from+each, total), k) || !b.spent() {
			return false
		}
		want := uint8(markerRST0 + n%8)
		if from+each >= total {
			want = markerEOI
		}
		if rest[1] != want {
			return false
		}
		content = rest[2:]
	}
	return true
}

// decodeSegment decodes MCUs from one to before another.
func (p *picture) decodeSegment(h *header, b *bits, from, to int, k *kernels) bool {
	var coef block
	for m := from; m < to; m++ {
		column, row := m%p.across, m/p.across
		for i := range h.components {
			c, pl := &h.components[i], &p.planes[i]
			for y := range c.high {
				at := 8 * ((row*c.high+y)*pl.stride + column*c.wide)
				for range c.wide {
					last := b.decodeBlock(&coef, c, &pl.dc)
					switch {
					case last < 0 || b.beyond():
						return false
					case last == 0:
						fill(pl.pix[at:], pl.stride, coef[0])
					default:
						k.idct(pl.pix[at:], pl.stride, &coef)
					}
					coef = block{}
					at += 8
				}
			}
		}
	}
	return true
}

// decodeBlock reads a block's coefficients into one of zeros: T.81, F.2.2. It returns the place, in the file's order, of the
// last one, or -1 if the bits are none of a plain file.
func (b *bits) decodeBlock(coef *block, c *component, dc *int32) int {
	b.refill()
	symbol, length := c.dc.next(b.word)
	size := uint(symbol)
	if length == 0 || size > 16 {
		return -1
	}
	b.word <<= length
	*dc += extend(uint32(b.word>>32>>(32-size)), size)
	b.word <<= size
	b.have -= length + size
	coef[0] = *dc * c.quant[0]
	return b.decodeAC(coef, c.ac, c.quant)
}

// decodeAC reads what follows the first coefficient.
func (b *bits) decodeAC(coef *block, h *huffman, quant *[64]int32) int {
	word, have, at, last := b.word, b.have, b.at, 0
	s := *b
	for k := 1; k < 64; {
		s.word, s.have, s.at = word, have, at
		s.refill()
		word, have, at = s.word, s.have, s.at

		e := h.look[word>>(64-lookBits)]
		if e&complete != 0 {
			length := uint(e & 0x7f)
			word <<= length & 63
			have -= length
			k += int(e >> 8 & 0xff)
			if k > 63 {
				return -1
			}
			coef[unzig[k]&63] = int32(e) >> 16 * quant[k]
			last = k
			k++
			continue
		}
		symbol, length := h.next(word)
		run, size := int(symbol>>4), uint(symbol&15)
		if length == 0 {
			return -1
		}
		word <<= length
		have -= length
		if size == 0 {
			if run == 0 { // end of block
				break
			}
			if run != 15 {
				return -1
			}
			k += 16
			continue
		}
		k += run
		if k > 63 {
			return -1
		}
		coef[unzig[k]&63] = extend(uint32(word>>32>>(32-size)), size) * quant[k]
		word <<= size
		have -= size
		last = k
		k++
	}
	b.word, b.have, b.at = word, have, at
	return last
}

// next is the symbol of the code at the start of a word, and its length. The look-up's entry must not be complete.
func (h *huffman) next(word uint64) (symbol uint8, length uint) {
	if e := h.look[word>>(64-lookBits)]; e != 0 {
		return uint8(e >> 8), uint(e & 0x7f)
	}
	return h.search(uint32(word >> 48))
}
