package augment

import "encoding/binary"

// solarize inverts values of 128 and above, eight at a time: v xor 255 where the top bit is set.
func solarize(pix []uint8) {
	const lows = 0x0101010101010101
	for len(pix) >= 8 {
		v := binary.LittleEndian.Uint64(pix)
		binary.LittleEndian.PutUint64(pix, v^(v>>7&lows)*255)
		pix = pix[8:]
	}
	for i, v := range pix {
		pix[i] = v ^ (v>>7)*255
	}
}
