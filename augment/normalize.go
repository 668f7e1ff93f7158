package augment

// moments are the normalisation: a float32 for each byte of each channel.
type moments struct {
	mean, std, inverse [3]float32 // inverse is 1/std
	table              [3][256]float32
}

// newMoments tabulates (v/255 - mean) / std, with torch's roundings: v times 1/255, minus mean, over std.
func newMoments(mean, std []float32, channels int) moments {
	m := moments{std: [3]float32{1, 1, 1}}
	copy(m.mean[:], mean)
	copy(m.std[:], std)
	for c := range channels {
		m.inverse[c] = 1 / m.std[c]
		for v := range m.table[c] {
			m.table[c][v] = (float32(float32(v)*fromByte) - m.mean[c]) / m.std[c]
		}
	}
	return m
}

// normalize writes the planes as rows of interleaved channels.
func (p *Pipeline) normalize(dst []float32, img image) {
	if img.channels == 1 {
		p.k.single(dst, img.pix, img.area(), &p.moments)
		return
	}
	p.k.interleave(dst, img.plane(0), img.plane(1), img.plane(2), img.area(), &p.moments)
}

func interleave(dst []float32, r, g, b []uint8, n int, m *moments) {
	r, g, b = r[:n], g[:n], b[:n]
	for i := range r {
		px := dst[3*i:][:3]
		px[0], px[1], px[2] = m.table[0][r[i]], m.table[1][g[i]], m.table[2][b[i]]
	}
}

func single(dst []float32, v []uint8, n int, m *moments) {
	dst = dst[:n]
	for i, x := range v[:n] {
		dst[i] = m.table[0][x]
	}
}
