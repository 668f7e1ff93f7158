package augment

// jitter applies the four steps in their order. Each rounds down to 8 bits, as torchvision's do on uint8 images; steps that
// change nothing, and saturation and hue of one channel, are left out.
func (p *Pipeline) jitter(img image, v *Params) {
	for _, step := range v.Order {
		switch {
		case step == Brightness && v.Brightness != 1:
			img.brightness(float32(v.Brightness), p.level)
		case step == Contrast && v.Contrast != 1:
			img.contrast(v.Contrast, p.level)
		case step == Saturation && v.Saturation != 1 && img.channels == 3:
			img.saturation(v.Saturation, p.level)
		case step == Hue && v.Hue != 0 && img.channels == 3:
			img.hue(float32(v.Hue), p.level)
		}
	}
}

// brightness multiplies: v -> clamp(v * factor).
func (m image) brightness(factor float32, _ level) {
	var table [256]uint8
	for v := range table {
		table[v] = truncate8(float32(v) * factor)
	}
	look(m.pix, &table)
}

// contrast blends with the mean of the luminance, rounded down in every pixel: v -> clamp(v*factor + mean*(1-factor)).
func (m image) contrast(factor float64, l level) {
	mean := float32(m.luminanceSum(l)) / float32(m.size*m.size)
	f, rest := float32(factor), float32(1-factor)
	var table [256]uint8
	for v := range table {
		table[v] = truncate8(fma32(mean, rest, float32(v)*f))
	}
	look(m.pix, &table)
}

func look(pix []uint8, table *[256]uint8) {
	for i, v := range pix {
		pix[i] = table[v]
	}
}

// luminanceSum adds up the luminance of all pixels, each rounded down; one channel is its own luminance.
func (m image) luminanceSum(_ level) int {
	sum := 0
	if m.channels == 1 {
		for _, v := range m.pix {
			sum += int(v)
		}
		return sum
	}
	red, green, blue := m.plane(0), m.plane(1), m.plane(2)
	for i := range red {
		sum += int(luminance(red[i], green[i], blue[i]))
	}
	return sum
}

// luminance is 0.2989 r + 0.587 g + 0.114 b rounded down, with one rounding to float32 a term as in torch's fused kernels.
func luminance(r, g, b uint8) uint8 {
	const wr, wg, wb = float32(0.2989), float32(0.587), float32(0.114)
	// Products and sums of 8-bit integers and 24-bit weights are exact in float64, so each conversion is a fused rounding.
	y := float32(r) * wr
	y = float32(float64(float64(g)*float64(wg)) + float64(y))
	y = float32(float64(float64(b)*float64(wb)) + float64(y))
	return uint8(y)
}

// saturation blends with the luminance: v -> clamp(v*factor + luminance*(1-factor)).
func (m image) saturation(factor float64, _ level) {
	f, rest := float32(factor), float32(1-factor)
	red, green, blue := m.plane(0), m.plane(1), m.plane(2)
	for i := range red {
		y := float32(luminance(red[i], green[i], blue[i]))
		red[i] = truncate8(fma32(y, rest, float32(red[i])*f))
		green[i] = truncate8(fma32(y, rest, float32(green[i])*f))
		blue[i] = truncate8(fma32(y, rest, float32(blue[i])*f))
	}
}

// gray puts the luminance into all three channels. One channel stays as it is.
func (m image) gray(_ level) {
	if m.channels == 1 {
		return
	}
	red, green, blue := m.plane(0), m.plane(1), m.plane(2)
	for i := range red {
		y := luminance(red[i], green[i], blue[i])
		red[i], green[i], blue[i] = y, y, y
	}
}

// truncate8 clamps to 0..255 and rounds down.
func truncate8(v float32) uint8 { return uint8(min(max(v, 0), 255)) }
