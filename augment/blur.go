package augment

import "math"

// blur convolves every plane with a Gaussian of the recipe's kernel size, reflecting at the borders, in float32: columns
// first, then rows, rounded to the nearest byte at the end. torchvision convolves with the two-dimensional kernel;
// sums differ in the last bits only, so bytes differ where a sum is within about 1e-5 of a half.
func (p *Pipeline) blur(img image, sigma float64, s *Scratch) {
	k := p.recipe.KernelSize()
	if k == 1 {
		return
	}
	r := k / 2
	s.weights = gaussian(s.weights, r, sigma)
	s.wide = grow(s.wide, img.size*img.size)
	s.row = grow(s.row, img.size+2*r)
	for c := range img.channels {
		blurPlane(img.plane(c), img.size, s)
	}
}

// gaussian is the right half of the kernel, from the centre: exp(-x^2 / (2 sigma^2)) over the sum of all 2r+1.
func gaussian(buf []float32, r int, sigma float64) []float32 {
	buf = grow(buf, r+1)
	sum := 0.0
	for i := range buf {
		w := math.Exp(-float64(float64(i)*float64(i)) / float64(float64(2*sigma)*sigma))
		if i == 0 {
			sum += w
		} else {
			sum += 2 * w
		}
	}
	for i := range buf {
		buf[i] = float32(math.Exp(-float64(float64(i)*float64(i))/float64(float64(2*sigma)*sigma)) / sum)
	}
	return buf
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
func blurPlane(pix []uint8, size int, s *Scratch) {
	r := len(s.weights) - 1
	for i, v := range pix {
		s.wide[i] = float32(v)
	}
	middle := s.row[r : r+size]
	for y := range size {
		scaleRow(middle, s.wide[y*size:][:size], s.weights[0])
		for t := 1; t <= r; t++ {
			above, below := reflect(y-t, size)*size, reflect(y+t, size)*size
			addPair(middle, s.wide[above:][:size], s.wide[below:][:size], s.weights[t])
		}
		mirror(s.row, r, size)
		for x := range size {
			pix[y*size+x] = nearest8(weigh(s.row[x:][:2*r+1], s.weights))
		}
	}
}

func scaleRow(sum, x []float32, w float32) {
	x = x[:len(sum)]
	for i := range sum {
		sum[i] = w * x[i]
	}
}

func addPair(sum, a, b []float32, w float32) {
	a, b = a[:len(sum)], b[:len(sum)]
	for i := range sum {
		sum[i] += float32(w * (a[i] + b[i]))
	}
}

// mirror fills the r values on both sides of the size values in the middle of row.
func mirror(row []float32, r, size int) {
	for i := 1; i <= r; i++ {
		row[r-i] = row[r+i]
		row[r+size-1+i] = row[r+size-1-i]
	}
}

// weigh is the sum of the kernel over x, whose middle is the kernel's.
func weigh(x, w []float32) float32 {
	r := len(w) - 1
	sum := float32(w[0] * x[r])
	for t := 1; t <= r; t++ {
		sum += float32(w[t] * (x[r-t] + x[r+t]))
	}
	return sum
}

// nearest8 rounds half to even; a sum of weights that is a little above one may need the clamp.
func nearest8(v float32) uint8 { return uint8(min(max(math.RoundToEven(float64(v)), 0), 255)) }
