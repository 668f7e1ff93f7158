package jpeg

import (
	"bytes"
	"encoding/binary"
)

// slack is what a segment is lengthened by: a block of damaged bits may read on so far (64 codes of 16 bits with 16 bits of
// value, and a whole word ahead) before it is found out.
const slack = 64*4 + 16

// bits are the bits of one segment of a scan, up to a restart marker or its end.
type bits struct {
	bytes []byte // without stuffing, followed by slack of zeros
	size  int    // without the slack
	word  uint64 // the next bits, from the highest on
	have  uint   // how many of them are certain
	at    int    // the first byte that is not certain
}

// unstuff takes a segment out of content: the bytes to the next marker, without the zeros that follow a 0xff. It
// reuses buffer. rest begins with the marker.
func unstuff(content, buffer []byte) (b bits, rest []byte, ok bool) {
	out := buffer[:0]
	for {
		i := bytes.IndexByte(content, 0xff)
		if i < 0 || i+1 >= len(content) {
			return bits{}, nil, false
		}
		if content[i+1] != 0 {
			out = append(out, content[:i]...)
			rest = content[i:]
			break
		}
		out = append(out, content[:i+1]...)
		content = content[i+2:]
	}
	size := len(out)
	out = append(out, make([]byte, slack)...)
	return bits{bytes: out, size: size}, rest, true
}

// refill makes at least 56 bits certain. Bits beyond those are right too, and come again with the next refill.
func (b *bits) refill() {
	b.word |= binary.BigEndian.Uint64(b.bytes[b.at:]) >> (b.have & 63)
	b.at += int(63-b.have) >> 3
	b.have |= 56
}

// beyond says that more was read than there is.
func (b *bits) beyond() bool { return 8*b.at-int(b.have) > 8*b.size }

// spent says that all was read but the filling of the last byte.
func (b *bits) spent() bool { return !b.beyond() && 8*b.at-int(b.have) > 8*(b.size-1) }
