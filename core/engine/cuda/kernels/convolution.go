package kernels

import "fmt"

// geometry is a convolution of images [n, h, w, c] with weights [r, s, c, k] to [n, p, q, k].
type geometry struct {
	n, h, w, c, r, s, k, p, q int
	step, pad                 int
}

func (l *lowering) geometry(x, w, y []int) geometry {
	return geometry{x[0], x[1], x[2], x[3], w[0], w[1], w[3], y[1], y[2], l.in.Attrs.Stride, l.in.Attrs.Pad}
}

// operand is an operand of the convolution's product: a function of the library by name, with the address it reads.
func (g geometry) operand(function string, a Arg) param {
	form := fmt.Sprintf("%s<%d, %d, %d, %d>(%%s, geometry{%%s, %%s, %%s, %%s, %%s, %%s, %%s})", function, g.r, g.s, g.step, g.pad)
	return as(form, g.after(a)...)
}

// after lists the extents that are known at the launch, after the address that they belong to.
func (g geometry) after(a Arg) []Arg {
	return []Arg{a, Int32(g.n), Int32(g.h), Int32(g.w), Int32(g.c), Int32(g.k), Int32(g.p), Int32(g.q)}
}

// conv2D sums over taps and input channels.
func (l *lowering) conv2D() error {
	x, w, y := l.in.In[0], l.in.In[1], l.in.Out[0]
	g := l.geometry(l.shape(x), l.shape(w), l.shape(y))
	k := g.r * g.s * g.c
	l.product(Address(y), g.operand("pixels_of", Address(x)), matrix(Address(w), false, g.k, k), g.n*g.p*g.q, g.k, k)
	return nil
}

// conv2DGradX sums over taps and output channels.
func (l *lowering) conv2DGradX() error {
	dy, w, dx := l.in.In[0], l.in.In[1], l.in.Out[0]
	g := l.geometry(l.shape(dx), l.shape(w), l.shape(dy))
	form := fmt.Sprintf("turned<%d, %d>{%%s, geometry{%%s, %%s, %%s, %%s, %%s, %%s, %%s}}", g.r, g.s)
	l.product(Address(dx), g.operand("outputs_of", Address(dy)), as(form, g.after(Address(w))...), g.n*g.h*g.w, g.c, g.r*g.s*g.k)
	return nil
}

// conv2DGradW sums over the pixels of the output.
func (l *lowering) conv2DGradW() error {
	x, dy, dw := l.in.In[0], l.in.In[1], l.in.Out[0]
	g := l.geometry(l.shape(x), l.shape(dw), l.shape(dy))
	pixels := g.n * g.p * g.q
	l.product(Address(dw), g.operand("taps_of", Address(x)), matrix(Address(dy), false, g.k, pixels), g.r*g.s*g.c, g.k, pixels)
	return nil
}
