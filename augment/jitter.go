package augment

// jitter applies the four steps in their order. Each rounds down to 8 bits, as torchvision's do on uint8 images; steps that
// change nothing, and saturation and hue of one channel, are left out.
func (p *Pipeline) jitter(img image, v *Params) {
	for _, step := range v.Order {
		switch {
		case step == Brightness && v.Brightness != 1:
			p.k.affine(img.pix, float32(v.Brightness), 0, 0)
		case step == Contrast && v.Contrast != 1:
			p.k.affine(img.pix, float32(v.Contrast), p.mean(img), float32(1-v.Contrast))
		case step == Saturation && v.Saturation != 1 && img.channels == 3:
			p.k.saturate(img.plane(0), img.plane(1), img.plane(2), float32(v.Saturation), float32(1-v.Saturation))
		case step == Hue && v.Hue != 0 && img.channels == 3:
			p.k.hue(img.plane(0), img.plane(1), img.plane(2), float32(v.Hue))
		}
	}
}

// mean is the mean luminance, that of every pixel rounded down; one channel is its own luminance.
func (p *Pipeline) mean(img image) float32 {
	n := img.area()
	if img.channels == 1 {
		return float32(p.k.sum(img.pix, n)) / float32(n)
	}
	return float32(p.k.luminanceSum(img.plane(0), img.plane(1), img.plane(2), n)) / float32(n)
}

// affine is brightness (a = b = 0) and contrast (a the mean, b = 1 - f): v -> clamp(v*f + a*b), rounded down.
func affine(pix []uint8, f, a, b float32) {
	var table [256]uint8
	for v := range table {
		table[v] = truncate8(fma32(a, b, float32(v)*f))
	}
	for i, v := range pix {
		pix[i] = table[v]
	}
}

func sumBytes(pix []uint8, n int) int {
	sum := 0
	for _, v := range pix[:n] {
		sum += int(v)
	}
	return sum
}

func luminanceSum(r, g, b []uint8, n int) int {
	sum := 0
	g, b = g[:len(r)], b[:len(r)]
	for i, v := range r[:n] {
		sum += int(luminance(v, g[i], b[i]))
	}
	return sum
}

// luminance is 0.2989 r + 0.587 g + 0.114 b rounded down, with one rounding to float32 a term as in torch's fused kernels.
func luminance(r, g, b uint8) uint8 {
	// Products and sums of 8-bit integers and 24-bit weights are exact in float64, so each conversion is a fused rounding.
	y := float32(r) * weightR
	y = float32(float64(float64(g)*float64(weightG)) + float64(y))
	y = float32(float64(float64(b)*float64(weightB)) + float64(y))
	return uint8(y)
}

// The weights of the luminance.
const weightR, weightG, weightB = float32(0.2989), float32(0.587), float32(0.114)

// saturate blends with the luminance: v -> clamp(v*f + luminance*rest), rounded down; rest is 1 - f.
func saturate(r, g, b []uint8, f, rest float32) {
	g, b = g[:len(r)], b[:len(r)]
	for i := range r {
		y := float32(luminance(r[i], g[i], b[i]))
		r[i] = truncate8(fma32(y, rest, float32(r[i])*f))
		g[i] = truncate8(fma32(y, rest, float32(g[i])*f))
		b[i] = truncate8(fma32(y, rest, float32(b[i])*f))
	}
}

// gray puts the luminance into all three channels.
func gray(r, g, b []uint8) {
	g, b = g[:len(r)], b[:len(r)]
	for i := range r {
		y := luminance(r[i], g[i], b[i])
		r[i], g[i], b[i] = y, y, y
	}
}

// truncate8 clamps to 0..255 and rounds down.
func truncate8(v float32) uint8 { return uint8(min(max(v, 0), 255)) }
