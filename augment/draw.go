package augment

import "math"

// Step is one of the four parts of colour jitter.
type Step uint8

// The parts, in torchvision's numbering.
const (
	Brightness Step = iota
	Contrast
	Saturation
	Hue
)

// Params is what one view does to one image: the outcome of every draw. A device that applies the same params gives the
// same view.
type Params struct {
	Crop Box
	Flip bool

	// Jitter says whether the four below are applied, in Order. A factor of 1 and a shift of 0 change nothing.
	Jitter                           bool
	Order                            [4]Step
	Brightness, Contrast, Saturation float64 // factors
	Hue                              float64 // shift in turns, -0.5 to 0.5

	Gray     bool
	Sigma    float64 // standard deviation of the blur in pixels; 0 is no blur
	Solarize bool
}

// The slots of a key's random blocks. Slots below cropTries belong to the tries of the crop.
const (
	cropTries    = 10
	slotChance   = 16 // flip, jitter, gray, blur
	slotStrength = 17 // brightness, contrast, saturation, hue
	slotRest     = 18 // solarize, sigma, order
)

// Draw gives the params of a key for an image of h x w pixels: torchvision's rules, drawn from the key alone.
func (p *Pipeline) Draw(k Key, h, w int) Params {
	r := &p.recipe
	chance, rest := k.block(slotChance), k.block(slotRest)
	out := Params{
		Crop:       r.drawCrop(k, h, w),
		Flip:       unit(chance[0]) < r.Flip,
		Jitter:     unit(chance[1]) < r.Jitter,
		Gray:       unit(chance[2]) < r.Gray,
		Solarize:   unit(rest[0]) < r.Solarize,
		Brightness: 1, Contrast: 1, Saturation: 1,
	}
	if unit(chance[3]) < r.Blur {
		out.Sigma = between(rest[1], r.BlurSigmaMin, r.BlurSigmaMax)
	}
	if out.Jitter {
		strength := k.block(slotStrength)
		out.Order = orders[below(rest[2], len(orders))]
		out.Brightness = factor(strength[0], r.Brightness)
		out.Contrast = factor(strength[1], r.Contrast)
		out.Saturation = factor(strength[2], r.Saturation)
		out.Hue = between(strength[3], -r.Hue, r.Hue)
	}
	return out
}

// factor is uniform in [max(0, 1-s), 1+s).
func factor(w uint32, s float64) float64 { return between(w, max(0, 1-s), 1+s) }

// drawCrop is torchvision's RandomResizedCrop.make_params: ten tries at a box of drawn area and ratio that fits, else the
// largest centred box whose ratio is allowed.
func (r *Recipe) drawCrop(k Key, h, w int) Box {
	area := float64(h) * float64(w)
	low, high := math.Log(r.RatioMin), math.Log(r.RatioMax)
	for try := range uint32(cropTries) {
		u := k.block(try)
		target := area * between(u[0], r.CropMin, r.CropMax)
		ratio := math.Exp(between(u[1], low, high))
		cw := int(math.RoundToEven(math.Sqrt(target * ratio)))
		ch := int(math.RoundToEven(math.Sqrt(target / ratio)))
		if 0 < cw && cw <= w && 0 < ch && ch <= h {
			return Box{Top: below(u[2], h-ch+1), Left: below(u[3], w-cw+1), Height: ch, Width: cw}
		}
	}
	return r.fallbackCrop(h, w)
}

// fallbackCrop is the centred box of an image whose own ratio is outside the recipe's, or all of the image.
func (r *Recipe) fallbackCrop(h, w int) Box {
	b := Box{Height: h, Width: w}
	switch ratio := float64(w) / float64(h); {
	case ratio < r.RatioMin:
		b.Height = min(h, max(1, int(math.RoundToEven(float64(w)/r.RatioMin))))
	case ratio > r.RatioMax:
		b.Width = min(w, max(1, int(math.RoundToEven(float64(h)*r.RatioMax))))
	}
	b.Top, b.Left = (h-b.Height)/2, (w-b.Width)/2
	return b
}

// orders are the permutations of the four steps.
var orders = [24][4]Step{
	{0, 1, 2, 3}, {0, 1, 3, 2}, {0, 2, 1, 3}, {0, 2, 3, 1}, {0, 3, 1, 2}, {0, 3, 2, 1},
	{1, 0, 2, 3}, {1, 0, 3, 2}, {1, 2, 0, 3}, {1, 2, 3, 0}, {1, 3, 0, 2}, {1, 3, 2, 0},
	{2, 0, 1, 3}, {2, 0, 3, 1}, {2, 1, 0, 3}, {2, 1, 3, 0}, {2, 3, 0, 1}, {2, 3, 1, 0},
	{3, 0, 1, 2}, {3, 0, 2, 1}, {3, 1, 0, 2}, {3, 1, 2, 0}, {3, 2, 0, 1}, {3, 2, 1, 0},
}
