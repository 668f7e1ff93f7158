package kernel

// The gradient of the weights by products of pairs. A sum over the pixels of all images is one over pairs of pixels: those at the
// same place of two images that follow each other. So two images make one of pairs, and the gradient is the float32 one of half
// as many images. Both operands are in bfloat16 already: nothing is rounded.

// weightDots reports whether the gradient of the weights from x and dy multiplies in bfloat16.
func (c Conv) weightDots(p *Pool, x, dy Array) bool {
	if !dy.half() || !c.dots(p, x, 2, winograd.weightsSpeed) || c.N == 0 {
		return false
	}
	_, fits := c.weightGrid(p.isa)
	return fits
}

// weightPairs is BackwardWeightsOf by products of pairs.
func (c Conv) weightPairs(p *Pool, x, dy Array, dw []float32) {
	images := c
	images.N = parts(c.N, 2)
	grid, _ := images.weightGrid(p.isa)
	grid.paired = c.N
	grid.run(p.dots, x, dy, dw)
}

// pairs is pixels [p0, p1) and channels [c0, c1) of paired images of so many pixels and c channels, all of their memory or those
// on a lattice. An image without a second one is paired with zeros.
func (g weightGrid) pairs(memory copied, x []BF16, apart *lattice, image, p0, p1, c0, c1, c int) gridPart {
	part := gridPart{data: memory, pixel: p0, channel: c0, ld: c1 - c0}
	for p := p0; p < p1; {
		n, at := p/image, p%image
		run := 1 // pixels whose numbers lie beside each other
		if part.ld == c && apart == nil {
			run = min(p1-p, image-at)
		}
		dst := memory[(p-p0)*part.ld : (p-p0+run)*part.ld]
		low := x[apart.pixel(2*n*image+at)*c+c0:]
		if 2*n+1 < g.paired {
			g.isa.pairHalves(dst, low, x[apart.pixel((2*n+1)*image+at)*c+c0:])
		} else {
			for i := range dst {
				dst[i] = pair(low[i], 0)
			}
		}
		p += run
	}
	return part
}

// pixel is the place of a used pixel among all; without a lattice all are used.
func (l *lattice) pixel(used int) int {
	if l == nil {
		return used
	}
	return l.row(used/l.ow) + used%l.ow*l.step
}

// fetchPairs is fetch of paired images.
func (g weightGrid) fetchPairs(k gridChunk, p0, p1 int, x, dy Array) (next gridFetch) {
	next[0], next[1] = g.columnsOfPairs(dy, g.oh*g.ow, k.u0*g.ow, k.u1*g.ow, k.k0, k.k1, g.K)
	if g.apart == nil {
		next[2], next[3] = g.columnsOfPairs(x, g.H*g.W, p0, p1, k.c0, k.c1, g.C)
	}
	return next
}

// columnsOfPairs is the memory of pixels [p0, p1) of paired images: a stretch of each of two, or one stretch that goes through
// several images.
func (g weightGrid) columnsOfPairs(x Array, image, p0, p1, c0, c1, c int) (low, high columns) {
	first, last := p0/image, (p1-1)/image
	if last > first {
		return columnsOf(x, first*image+p0, min(g.paired*image, (last+1)*image+p1), c0, c1, c), columns{}
	}
	low = columnsOf(x, first*image+p0, first*image+p1, c0, c1, c)
	if first*2+1 < g.paired {
		high = columnsOf(x, (first+1)*image+p0, (first+1)*image+p1, c0, c1, c)
	}
	return low, high
}
