package jpeg

import "encoding/binary"

// The inverse DCT is image/jpeg's, of Loeffler, Ligtenberg and Moschytz (1989), in the fixed point that Go 1.26 calculates with: other
// roundings would be as good, but not the same bits. Names are those of image/jpeg's dct.go, which explains each precision.
// Constants are multiples of cos and sin of i*pi/16, of so many bits as their names' ends say.
const (
	cos1x12        = 4017  // cos 1, 12 bits
	sin1x12        = 799   // sin 1
	cos3x12        = 3406  // cos 3
	sin3x12        = 2276  // sin 3
	halfCos6x18    = 70936 // cos 6 / sqrt 2, 18 bits
	halfSin6x18    = 171254
	halfCos6x12    = 1108 // 12 bits
	halfSin6x12    = 2676
	invSqrt2x8     = 181   // 1 / sqrt 2, 8 bits
	invSqrt2x14    = 11585 // 14 bits
	halfOfRowsUnit = 1 << 19
)

// rotate is a rotation with three multiplications: x0*kcos + x1*ksin and x1*kcos - x0*ksin.
func rotate(x0, x1, kcos, ksin int32) (y0, y1 int32) {
	sum := kcos * (x0 + x1)
	return sum + (ksin-kcos)*x1, sum - (kcos+ksin)*x0
}

// idct transforms a block back and writes its pixels, level shifted and clamped, to rows of dst.
func idct(dst []uint8, stride int, b *block) {
	for i := range 8 {
		idctRow(b, i)
	}
	for i := range 8 {
		idctColumn(b, i)
	}
	for y := range 8 {
		row := dst[y*stride:][:8]
		for x := range row {
			row[x] = uint8(min(max(b[8*x+y], -128), 127) + 128)
		}
	}
}

// idctRow transforms a row; it leaves 20 bits of fraction.
func idctRow(b *block, row int) {
	x := b[row:]
	x0, x7, x2, x5, x1, x6, x3, x4 := x[0], x[8], x[16], x[24], x[32], x[40], x[48], x[56]

	x0, x1 = x0<<17+x1<<17, x0<<17-x1<<17
	x2, x3 = rotate(x2, x3, halfCos6x18, -halfSin6x18)
	x1, x2 = x1+x2, x1-x2
	x0, x3 = x0+x3, x0-x3

	x7, x4 = x7<<7+x4<<7, x7<<7-x4<<7
	x6, x5 = x6*invSqrt2x8, x5*invSqrt2x8
	x7, x5 = x7+x5, x7-x5
	x4, x6 = x4+x6, x4-x6
	x4, x7 = rotate(x4>>2, x7>>2, cos3x12, -sin3x12)
	x5, x6 = rotate(x5>>2, x6>>2, cos1x12, -sin1x12)

	x[0], x[56] = x0+x7, x0-x7
	x[8], x[48] = x1+x6, x1-x6
	x[16], x[40] = x2+x5, x2-x5
	x[24], x[32] = x3+x4, x3-x4
}

// idctColumn transforms a column of what idctRow left, and rounds.
func idctColumn(b *block, column int) {
	x := b[8*column:][:8]
	x0, x7, x2, x5, x1, x6, x3, x4 := x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]

	x0 += halfOfRowsUnit // reaches every output
	x0, x1 = (x0+x1)>>2, (x0-x1)>>2
	x2, x3 = rotate(x2>>13, x3>>13, halfCos6x12, -halfSin6x12)
	x1, x2 = x1+x2, x1-x2
	x0, x3 = x0+x3, x0-x3

	x7, x4 = x7+x4, x7-x4
	x5, x6 = x5>>13*invSqrt2x14, x6>>13*invSqrt2x14
	x7, x5 = x7+x5, x7-x5
	x4, x6 = x4+x6, x4-x6
	x4, x7 = rotate(x4>>14, x7>>14, cos3x12, -sin3x12)
	x5, x6 = rotate(x5>>14, x6>>14, cos1x12, -sin1x12)

	x[0], x[7] = (x0+x7)>>18, (x0-x7)>>18
	x[1], x[6] = (x1+x6)>>18, (x1-x6)>>18
	x[2], x[5] = (x2+x5)>>18, (x2-x5)>>18
	x[3], x[4] = (x3+x4)>>18, (x3-x4)>>18
}

// fill is idct of a block that has its first coefficient only: all pixels are the same.
func fill(dst []uint8, stride int, dc int32) {
	v := (dc<<17 + halfOfRowsUnit) >> 2 >> 18
	all := uint64(uint8(min(max(v, -128), 127)+128)) * 0x0101010101010101
	for y := range 8 {
		binary.LittleEndian.PutUint64(dst[y*stride:], all)
	}
}
