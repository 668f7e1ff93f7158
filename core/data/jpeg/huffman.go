package jpeg

// lookBits is the length of codes that one look-up decodes; of the rest, one in a few hundred, the length is searched.
const lookBits = 10

// huffman decodes the codes of one table.
type huffman struct {
	// look tells of the next lookBits bits the code they begin with; 0 where that is longer. Where resolve has found
	// that the value after the code fits too, it tells all of the coefficient.
	look [1 << lookBits]entry
	// limit[n] is the first 16 bits that are beyond all codes of n bits or fewer.
	limit [17]uint32
	// first[n] + (the code of n bits) is its symbol's place.
	first   [17]int32
	symbols [256]uint8
}

// entry is packed: bits 0-7 how many bits it is long, bits 8-15 the symbol, or, where it is complete (bit 7 of the
// length), how many zeros come first, and bits 16-31 the signed value.
type entry uint32

const complete = 0x80

// newHuffman makes the codes from how many there are of each length: T.81, annex C. More codes than
// a length has room for are not ok.
func newHuffman(counts *[16]uint8, symbols []uint8) (*huffman, bool) {
	h := &huffman{}
	copy(h.symbols[:], symbols)
	code, place := uint32(0), 0
	for i, count := range counts {
		length := i + 1
		code <<= 1
		h.first[length] = int32(place) - int32(code)
		for range count {
			if code >= 1<<length {
				return nil, false
			}
			if length <= lookBits {
				h.enter(code, length, h.symbols[place])
			}
			code++
			place++
		}
		h.limit[length] = code << (16 - length)
	}
	return h, true
}

// enter fills the part of the look-up that begins with a code.
func (h *huffman) enter(code uint32, length int, symbol uint8) {
	free := lookBits - length
	for i := range 1 << free {
		h.look[code<<free|uint32(i)] = entry(length) | entry(symbol)<<8
	}
}

// resolve completes the entries of a table of AC coefficients whose values lie within the look-up.
func (h *huffman) resolve() {
	for bits, e := range h.look {
		length, symbol := int(e&0x7f), uint8(e>>8)
		size := int(symbol & 15)
		if e == 0 || size == 0 || length+size > lookBits {
			continue
		}
		raw := uint32(bits) >> (lookBits - length - size) & (1<<size - 1)
		h.look[bits] = entry(length+size) | complete | entry(symbol>>4)<<8 | entry(uint16(extend(raw, uint(size))))<<16
	}
}

// search finds the code, longer than lookBits, at the start of 16 bits. A length of 0 says that there is none.
func (h *huffman) search(bits uint32) (symbol uint8, length uint) {
	for n := lookBits + 1; n <= 16; n++ {
		if bits < h.limit[n] {
			return h.symbols[uint8(h.first[n]+int32(bits>>(16-n)))], uint(n)
		}
	}
	return 0, 0
}

// extend is the value of size bits: half of them stand for negative numbers (T.81, F.2.2.1).
func extend(raw uint32, size uint) int32 {
	v := int32(raw)
	if size > 0 && raw < 1<<(size-1) {
		v += -1<<size + 1
	}
	return v
}
