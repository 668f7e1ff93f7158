package augment

// moments are the normalisation: a float32 for each byte of each channel.
type moments struct {
	mean, std [3]float32
	table     [3][256]float32
}

// newMoments tabulates (v/255 - mean) / std, with torch's roundings: v times 1/255, minus mean, over std.
func newMoments(mean, std []float32, channels int) moments {
	m := moments{std: [3]float32{1, 1, 1}}
	copy(m.mean[:], mean)
	copy(m.std[:], std)
	for c := range channels {
		for v := range m.table[c] {
			m.table[c][v] = (float32(float32(v)*fromByte) - m.mean[c]) / m.std[c]
		}
	}
	return m
}

// normalize writes the planes as rows of interleaved channels.
func (m *moments) normalize(dst []float32, img image, _ level) {
	if img.channels == 1 {
		for i, v := range img.pix {
			dst[i] = m.table[0][v]
		}
		return
	}
	red, green, blue := img.plane(0), img.plane(1), img.plane(2)
	for i := range red {
		px := dst[3*i:][:3]
		px[0], px[1], px[2] = m.table[0][red[i]], m.table[1][green[i]], m.table[2][blue[i]]
	}
}
