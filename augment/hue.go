package augment

// turnHue turns the colours by shift: to hue, saturation and value in float32, and back, operation by operation as torchvision
// does, so that the bits are the same.
func turnHue(r, g, b []uint8, shift float32) {
	g, b = g[:len(r)], b[:len(r)]
	for i := range r {
		r[i], g[i], b[i] = turn(r[i], g[i], b[i], shift)
	}
}

// Constants of the conversion between 8 bits and [0, 1], both ways.
const (
	fromByte = float32(1.0 / 255)
	toByte   = float32(255 + 1 - 1e-3)
)

// turn shifts the hue of one pixel.
func turn(red, green, blue uint8, shift float32) (uint8, uint8, uint8) {
	r, g, b := float32(red)*fromByte, float32(green)*fromByte, float32(blue)*fromByte
	value, low := max(r, g, b), min(r, g, b)
	h, s := hueOf(r, g, b, value, low)
	h += shift
	if h < 0 {
		h += 1
	} else if h >= 1 {
		h -= 1
	}
	return colour(h, s, value)
}

// hueOf gives hue in [0, 1) and saturation. A gray pixel has neither.
func hueOf(r, g, b, value, low float32) (h, s float32) {
	if value == low {
		return 0, 0
	}
	spread := value - low
	rc, gc, bc := (value-r)/spread, (value-g)/spread, (value-b)/spread
	switch value {
	case r:
		h = bc - gc
	case g:
		h = rc + 2 - bc
	default:
		h = gc + 4 - rc
	}
	h = float32(h*(1.0/6)) + 1
	if h >= 1 {
		h -= 1
	}
	return h, spread / value
}

// colour gives red, green and blue of a hue in [0, 1].
func colour(h, s, value float32) (r, g, b uint8) {
	h6 := float32(h * 6)
	sector := int(h6)
	part := float32(s * (h6 - float32(sector)))
	rest := 1 - s
	v := uint8(value * toByte)
	p := uint8(float32(rest*value) * toByte)
	q := uint8(float32((1-part)*value) * toByte)
	t := uint8(float32((part+rest)*value) * toByte)
	switch sector {
	case 1:
		return q, v, p
	case 2:
		return p, v, t
	case 3:
		return p, q, v
	case 4:
		return t, p, v
	case 5:
		return v, p, q
	}
	return v, t, p // 0, and 6 where rounding brought the hue to a full turn
}
