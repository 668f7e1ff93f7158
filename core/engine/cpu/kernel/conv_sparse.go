package kernel

// sparse reports whether each output pixel depends on one input pixel, and not all of these are used: a pointwise convolution
// with a stride, which is best a product of the pixels that it uses.
func (c Conv) sparse() bool { return c.R == 1 && c.S == 1 && c.Stride > 1 && c.Pad == 0 }

// densely is a sparse convolution on the pixels that it uses: a pointwise one.
func (c Conv) densely() Conv {
	oh, ow := c.OutSize()
	return Conv{N: c.N, H: oh, W: ow, C: c.C, K: c.K, R: 1, S: 1, Stride: 1}
}

// gathers reports whether a sparse forward pass gathers its pixels first: its rows of outputs are shorter than a tile.
func (c Conv) gathers(isa ISA) bool {
	_, ow := c.OutSize()
	return c.sparse() && ow < isa.maxRows()
}

// gather copies the input pixels that a sparse convolution uses, in float32.
func (c Conv) gather(p *Pool, scratch *arena, x Array) Array {
	d := c.densely()
	used := scratch.floats(d.N * d.H * d.W * d.C)
	p.Run(d.N*d.H, func(_, row int) {
		from := (row/d.H*c.H + row%d.H*c.Stride) * c.W * c.C
		for q := range d.W {
			p.isa.read(used[(row*d.W+q)*d.C:][:d.C], x.from(from+q*c.Stride*c.C))
		}
	})
	return Floats(used)
}

// spread is the inverse of gather: it writes the pixels that a sparse convolution uses to their places, and zeros between.
func (c Conv) spread(p *Pool, x Array, used []float32) {
	d := c.densely()
	p.Run(c.N*c.H, func(_, row int) {
		to := x.slice(row*c.W*c.C, (row+1)*c.W*c.C)
		to.clear()
		n, h := row/c.H, row%c.H
		if h%c.Stride != 0 {
			return
		}
		from := used[(n*d.H+h/c.Stride)*d.W*d.C:]
		for q := range d.W {
			p.isa.write(to.slice(q*c.Stride*c.C, (q*c.Stride+1)*c.C), from[q*c.C:][:c.C])
		}
	})
}
