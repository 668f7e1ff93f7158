package kernel

import "unsafe"

// runDot computes the tile of pairs.
func (t *tile) runDot(isa ISA, rows int, narrow bool) {
	p := (*byte)(unsafe.Pointer(t))
	switch {
	case isa == AVX512 && narrow:
		tileNarrowDot(p, rows)
	case isa == AVX512:
		tileWideDot(p, rows)
	case narrow:
		tileDotPlain(t, rows, Plain.lanes())
	default:
		tileDotPlain(t, rows, Plain.panel())
	}
}

func tileWideDot(t *byte, rows int) {
	switch rows {
	case 1:
		tile1x2AVX512Dot(t)
	case 2:
		tile2x2AVX512Dot(t)
	case 3:
		tile3x2AVX512Dot(t)
	case 4:
		tile4x2AVX512Dot(t)
	case 5:
		tile5x2AVX512Dot(t)
	case 6:
		tile6x2AVX512Dot(t)
	case 7:
		tile7x2AVX512Dot(t)
	case 8:
		tile8x2AVX512Dot(t)
	case 9:
		tile9x2AVX512Dot(t)
	case 10:
		tile10x2AVX512Dot(t)
	case 11:
		tile11x2AVX512Dot(t)
	case 12:
		tile12x2AVX512Dot(t)
	case 13:
		tile13x2AVX512Dot(t)
	case 14:
		tile14x2AVX512Dot(t)
	}
}

func tileNarrowDot(t *byte, rows int) {
	switch rows {
	case 1:
		tile1x1AVX512Dot(t)
	case 2:
		tile2x1AVX512Dot(t)
	case 3:
		tile3x1AVX512Dot(t)
	case 4:
		tile4x1AVX512Dot(t)
	case 5:
		tile5x1AVX512Dot(t)
	case 6:
		tile6x1AVX512Dot(t)
	case 7:
		tile7x1AVX512Dot(t)
	case 8:
		tile8x1AVX512Dot(t)
	case 9:
		tile9x1AVX512Dot(t)
	case 10:
		tile10x1AVX512Dot(t)
	case 11:
		tile11x1AVX512Dot(t)
	case 12:
		tile12x1AVX512Dot(t)
	case 13:
		tile13x1AVX512Dot(t)
	case 14:
		tile14x1AVX512Dot(t)
	}
}

// pairFloatsFast pairs whole vectors and returns how many numbers of each row that are.
func (i ISA) pairFloatsFast(dst, low, high []float32) int {
	n := len(dst) &^ (i.lanes() - 1)
	if n == 0 || !i.rounds() {
		return 0
	}
	low, high = low[:n], high[:n]
	pairFloatsAVX512BF16(n, &low[0], &high[0], &dst[0])
	return n
}

// pairHalvesFast is pairFloatsFast for numbers in bfloat16.
func (i ISA) pairHalvesFast(dst []float32, low, high []BF16) int {
	n := len(dst) &^ (i.lanes() - 1)
	if n == 0 || !i.rounds() {
		return 0
	}
	low, high = low[:n], high[:n]
	pairHalvesAVX512BF16(n, (*uint16)(&low[0]), (*uint16)(&high[0]), &dst[0])
	return n
}
