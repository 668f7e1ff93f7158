package kernel

import "unsafe"

// run computes the tile with the given number of rows, which is at most maxRows. A narrow tile's panel is one vector wide
// instead of two.
func (t *tile) run(isa ISA, rows int, narrow bool) {
	p := (*byte)(unsafe.Pointer(t))
	if t.stride == 0 {
		t.ahead = t.a
	}
	switch {
	case t.dot:
		t.runDot(isa, rows, narrow)
	case isa == AVX512 && narrow:
		tileNarrowAVX512(p, rows)
	case isa == AVX512:
		tileWideAVX512(p, rows)
	case isa == AVX2 && narrow:
		tileNarrowAVX2(p, rows)
	case isa == AVX2:
		tileWideAVX2(p, rows)
	case narrow:
		tilePlain(t, rows, Plain.lanes())
	default:
		tilePlain(t, rows, Plain.panel())
	}
}

func tileWideAVX512(t *byte, rows int) {
	switch rows {
	case 1:
		tile1x2AVX512(t)
	case 2:
		tile2x2AVX512(t)
	case 3:
		tile3x2AVX512(t)
	case 4:
		tile4x2AVX512(t)
	case 5:
		tile5x2AVX512(t)
	case 6:
		tile6x2AVX512(t)
	case 7:
		tile7x2AVX512(t)
	case 8:
		tile8x2AVX512(t)
	case 9:
		tile9x2AVX512(t)
	case 10:
		tile10x2AVX512(t)
	case 11:
		tile11x2AVX512(t)
	case 12:
		tile12x2AVX512(t)
	case 13:
		tile13x2AVX512(t)
	case 14:
		tile14x2AVX512(t)
	}
}

func tileNarrowAVX512(t *byte, rows int) {
	switch rows {
	case 1:
		tile1x1AVX512(t)
	case 2:
		tile2x1AVX512(t)
	case 3:
		tile3x1AVX512(t)
	case 4:
		tile4x1AVX512(t)
	case 5:
		tile5x1AVX512(t)
	case 6:
		tile6x1AVX512(t)
	case 7:
		tile7x1AVX512(t)
	case 8:
		tile8x1AVX512(t)
	case 9:
		tile9x1AVX512(t)
	case 10:
		tile10x1AVX512(t)
	case 11:
		tile11x1AVX512(t)
	case 12:
		tile12x1AVX512(t)
	case 13:
		tile13x1AVX512(t)
	case 14:
		tile14x1AVX512(t)
	}
}

func tileWideAVX2(t *byte, rows int) {
	switch rows {
	case 1:
		tile1x2AVX2(t)
	case 2:
		tile2x2AVX2(t)
	case 3:
		tile3x2AVX2(t)
	case 4:
		tile4x2AVX2(t)
	case 5:
		tile5x2AVX2(t)
	case 6:
		tile6x2AVX2(t)
	}
}

func tileNarrowAVX2(t *byte, rows int) {
	switch rows {
	case 1:
		tile1x1AVX2(t)
	case 2:
		tile2x1AVX2(t)
	case 3:
		tile3x1AVX2(t)
	case 4:
		tile4x1AVX2(t)
	case 5:
		tile5x1AVX2(t)
	case 6:
		tile6x1AVX2(t)
	}
}
