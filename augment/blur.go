package augment

import "math"

// blur convolves every plane with a Gaussian of the recipe's kernel size, reflecting at the borders, in float32: columns
// first, then rows, rounded to the nearest byte at the end. torchvision convolves with the two-dimensional kernel;
// sums differ by up to 3e-4, most of it torchvision's own rounding, so bytes differ only where a sum is so close to a half.
func (p *Pipeline) blur(img image, sigma float64, s *Scratch) {
	s.weights = p.BlurWeights(s.weights, sigma)
	r := len(s.weights) - 1
	if r == 0 {
		return
	}
	s.wide = grow(s.wide, (img.size+2*r)*img.size)
	s.row = grow(s.row, img.size+2*r)
	for c := range img.channels {
		p.blurPlane(img.plane(c), img.size, s)
	}
}

// BlurWeights is the right half of the kernel of a blur, from the centre outwards, at most KernelSize/2 + 1 entries, in buf where
// it has room. A view is blurred where there is more than one; a standard deviation of 0 gives none.
func (p *Pipeline) BlurWeights(buf []float32, sigma float64) []float32 {
	if sigma == 0 {
		return buf[:0]
	}
	return gaussian(buf, p.recipe.KernelSize()/2, sigma)
}

// negligible is the share of the kernel that may be left out at both ends together: it moves a byte's value by less than 3e-6.
const negligible = 1e-8

// gaussian is the right half of the kernel, from the centre: exp(-x^2 / (2 sigma^2)) over the sum of all 2r+1, without the
// outer entries that are negligible.
func gaussian(buf []float32, r int, sigma float64) []float32 {
	buf = grow(buf, r+1)
	sum := 1.0
	for x := 1; x <= r; x++ {
		sum += 2 * bell(x, sigma)
	}
	outside := 0.0
	for ; r > 0; r-- {
		outside += 2 * bell(r, sigma) / sum
		if outside > negligible {
			break
		}
	}
	buf = buf[:r+1]
	for x := range buf {
		buf[x] = float32(bell(x, sigma) / sum)
	}
	return buf
}

// bell is the Gaussian without its factor.
func bell(x int, sigma float64) float64 {
	z := float64(x) / sigma
	return math.Exp(-0.5 * float64(z*z))
}

// reflect is the index inside 0..n-1 that i means, mirrored at the outermost samples.
func reflect(i, n int) int {
	if i < 0 {
		i = -i
	}
	if i >= n {
		i = 2*(n-1) - i
	}
	return i
}

// blurPlane blurs one plane in place. Both passes add from the centre of the kernel outwards:
// w0 x0 + w1 (x-1 + x1) + w2 (x-2 + x2) + ...
func (p *Pipeline) blurPlane(pix []uint8, size int, s *Scratch) {
	r := len(s.weights) - 1
	for y := range size + 2*r {
		p.k.widen(s.wide[y*size:][:size], pix[reflect(y-r, size)*size:][:size])
	}
	for y := range size {
		p.k.weighColumns(s.row[r:r+size], s.wide[y*size:][:(2*r+1)*size], size, s.weights)
		mirror(s.row, r, size)
		p.k.weighRow(pix[y*size:][:size], s.row, s.weights)
	}
}

// mirror fills the r values on both sides of the size values in the middle of row.
func mirror(row []float32, r, size int) {
	for i := 1; i <= r; i++ {
		row[r-i] = row[r+i]
		row[r+size-1+i] = row[r+size-1-i]
	}
}

func widen(dst []float32, src []uint8) {
	dst = dst[:len(src)]
	for i, v := range src {
		dst[i] = float32(v)
	}
}

func weighColumns(dst, src []float32, pitch int, w []float32) {
	middle := (len(w) - 1) * pitch
	x := src[middle:][:len(dst)]
	for i := range dst {
		dst[i] = w[0] * x[i]
	}
	for t := 1; t < len(w); t++ {
		above, below := src[middle-t*pitch:][:len(dst)], src[middle+t*pitch:][:len(dst)]
		for i := range dst {
			dst[i] += float32(w[t] * (above[i] + below[i]))
		}
	}
}

func weighRow(dst []uint8, src, w []float32) {
	r := len(w) - 1
	for i := range dst {
		x := src[i:][:2*r+1]
		sum := float32(w[0] * x[r])
		for t := 1; t <= r; t++ {
			sum += float32(w[t] * (x[r-t] + x[r+t]))
		}
		dst[i] = nearest8(sum)
	}
}

// nearest8 rounds half to even; a sum of weights that is a little above one may need the clamp.
func nearest8(v float32) uint8 { return uint8(min(max(math.RoundToEven(float64(v)), 0), 255)) }
