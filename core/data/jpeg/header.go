package jpeg

import "encoding/binary"

// header is what stands before the scan.
type header struct {
	width, height int
	components    []component
	quant         [4]*[64]int32 // in the file's order
	dc, ac        [2]*huffman
	restart       int // MCUs between two restart markers; 0 for none
	scan          int // where the scan's bits begin
}

// component is a plane: gray or brightness first, then the two colours.
type component struct {
	id         uint8
	wide, high int   // blocks of an MCU
	table      uint8 // of quant

	quant  *[64]int32 // these three are those in force when the scan begins
	dc, ac *huffman
}

// Markers, of T.81's table B.1.
const (
	markerSOF0 = 0xc0
	markerDHT  = 0xc4
	markerRST0 = 0xd0
	markerSOI  = 0xd8
	markerEOI  = 0xd9
	markerSOS  = 0xda
	markerDQT  = 0xdb
	markerDRI  = 0xdd
	markerAPP0 = 0xe0
	markerAdob = 0xee // APP14, where Adobe notes the colour space
	markerAPPF = 0xef
	markerCOM  = 0xfe
)

// readHeader reads the segments up to the first scan. What is not plain baseline, or not as it should be, is not ok.
func readHeader(content []byte) (*header, bool) {
	if len(content) < 4 || content[0] != 0xff || content[1] != markerSOI {
		return nil, false
	}
	h := &header{}
	for at := 2; at+4 <= len(content); {
		if content[at] != 0xff {
			return nil, false
		}
		marker, length := content[at+1], int(binary.BigEndian.Uint16(content[at+2:]))
		if length < 2 || at+2+length > len(content) {
			return nil, false
		}
		body := content[at+4 : at+2+length]
		at += 2 + length
		if !h.segment(marker, body) {
			return nil, false
		}
		if marker == markerSOS {
			h.scan = at
			return h, true
		}
	}
	return nil, false
}

// segment takes one segment in.
func (h *header) segment(marker uint8, body []byte) bool {
	switch {
	case marker == markerSOF0:
		return h.frame(body)
	case marker == markerDHT:
		return h.huffmanTables(body)
	case marker == markerDQT:
		return h.quantTables(body)
	case marker == markerSOS:
		return h.scanHeader(body)
	case marker == markerDRI:
		if len(body) != 2 {
			return false
		}
		h.restart = int(binary.BigEndian.Uint16(body))
		return true
	case marker == markerAdob && len(body) >= 12 && string(body[:5]) == "Adobe":
		return body[11] == 1 // YCbCr
	default:
		return marker >= markerAPP0 && marker <= markerAPPF || marker == markerCOM
	}
}

// frame reads the sizes: T.81, B.2.2.
func (h *header) frame(body []byte) bool {
	if h.components != nil || len(body) < 6 || body[0] != 8 {
		return false
	}
	h.height, h.width = int(binary.BigEndian.Uint16(body[1:])), int(binary.BigEndian.Uint16(body[3:]))
	n := int(body[5])
	if h.height == 0 || h.width == 0 || n != 1 && n != 3 || len(body) != 6+3*n {
		return false
	}
	for c := range n {
		spec := body[6+3*c:][:3]
		if spec[2] > 3 {
			return false
		}
		h.components = append(h.components, component{id: spec[0], wide: int(spec[1] >> 4), high: int(spec[1] & 15), table: spec[2]})
	}
	return h.plainSampling()
}

// plainSampling accepts gray, and colours that one value of each stands for a MCU of 1, 2 or 4 by 1 or 2 blocks.
func (h *header) plainSampling() bool {
	first := &h.components[0]
	if first.wide != 1 && first.wide != 2 && first.wide != 4 || first.high != 1 && first.high != 2 {
		return false
	}
	if len(h.components) == 1 {
		first.wide, first.high = 1, 1 // a plane alone is not interleaved: its MCU is one block, whatever the header says (A.2.2)
		return true
	}
	cb, cr := h.components[1], h.components[2]
	return cb.wide == 1 && cb.high == 1 && cr.wide == 1 && cr.high == 1 &&
		first.id != cb.id && first.id != cr.id && cb.id != cr.id &&
		string([]byte{first.id, cb.id, cr.id}) != "RGB"
}

// quantTables reads tables of 8 bits: B.2.4.1.
func (h *header) quantTables(body []byte) bool {
	for ; len(body) > 0; body = body[65:] {
		if len(body) < 65 || body[0] > 3 {
			return false
		}
		q := new([64]int32)
		for i, v := range body[1:65] {
			q[i] = int32(v)
		}
		h.quant[body[0]] = q
	}
	return true
}

// huffmanTables reads tables of codes: B.2.4.2.
func (h *header) huffmanTables(body []byte) bool {
	for len(body) > 0 {
		if len(body) < 17 || body[0]&^0x11 != 0 {
			return false
		}
		n := 0
		for _, count := range body[1:17] {
			n += int(count)
		}
		if n == 0 || n > 256 || len(body) < 17+n {
			return false
		}
		t, ok := newHuffman((*[16]uint8)(body[1:17]), body[17:17+n])
		if !ok {
			return false
		}
		if body[0]>>4 == 0 {
			h.dc[body[0]&1] = t
		} else {
			t.resolve()
			h.ac[body[0]&1] = t
		}
		body = body[17+n:]
	}
	return true
}

// scanHeader reads which tables the planes use: B.2.3. The scan must hold all planes, in the frame's order.
func (h *header) scanHeader(body []byte) bool {
	n := len(h.components)
	if n == 0 || len(body) != 4+2*n || int(body[0]) != n {
		return false
	}
	for i := range h.components {
		c, id, tables := &h.components[i], body[1+2*i], body[2+2*i]
		if id != c.id || tables&^0x11 != 0 {
			return false
		}
		c.quant, c.dc, c.ac = h.quant[c.table], h.dc[tables>>4], h.ac[tables&1]
		if c.quant == nil || c.dc == nil || c.ac == nil {
			return false
		}
	}
	return true
}
