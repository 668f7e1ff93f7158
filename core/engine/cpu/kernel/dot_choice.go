package kernel

// Where a convolution of images in bfloat16 multiplies in bfloat16: where that takes less time than the way that it would take
// in float32. The direct method comes as near to the peak of either kind of product, so there the rate decides. Against
// Winograd's method, which has products in float32, an estimate of its time decides. It is in multiply-adds at the peak, fitted
// to the times of bench kernels --precision bf16 --cpu-isa avx512 (docs/results/kernels.md), which it meets within
// 15 %, but for 32 channels, where it says a quarter too much. Rates are powers of two, and so the choice is the same each time.

// dotShare is the share of their peak that products in bfloat16 reach.
const dotShare = 0.9

// Parts of the time of Winograd's method, in multiply-adds.
const (
	winoProducts = 2.9 // for each output, channel and filter: products, 36 for 16 outputs, and their way through the cache
	winoChannel  = 36  // for each output and channel, and each output and filter: transforms
	winoFilters  = 1400
	// Of the gradient of the weights; the last one where these are too many to stay in a core's cache.
	winoSums         = 3.8
	winoSumsChannel  = 24
	winoSumsOfFarOff = 5.2
)

// dots reports whether a pass of a convolution over the image, of so many channels, multiplies in bfloat16; speed is that of
// Winograd's method.
func (c Conv) dots(p *Pool, image Array, channels int, speed func(winograd) float64) bool {
	if p.dots == nil || !image.half() || channels%2 != 0 {
		return false
	}
	if w, ok := p.winograd(c); ok {
		return p.dotRate*dotShare > speed(w)
	}
	return p.dotRate > 1
}

// speed is how many of the direct method's multiply-adds the method does in the time of one.
func (w winograd) speed() float64 {
	all := winoProducts*float64(w.c*w.k) + winoChannel*float64(w.c+w.k)
	filters := winoFilters * float64(w.c*w.k) / float64(w.n*w.oh*w.ow) // transformed once, whatever the number of outputs
	return float64(9*w.c*w.k) / (all*w.waste() + filters)
}

// weightsSpeed is speed of the gradient of the weights.
func (w winograd) weightsSpeed() float64 {
	sums := winoSums
	if w.c*w.k > winoLocalSize {
		sums = winoSumsOfFarOff
	}
	all := sums*float64(w.c*w.k) + winoSumsChannel*float64(w.c+w.k)
	return float64(9*w.c*w.k) / (all * w.waste())
}

// waste is how many outputs the tiles have for each one of the map.
func (w winograd) waste() float64 {
	return float64(w.tiles()*winoTile*winoTile) / float64(w.n*w.oh*w.ow)
}
