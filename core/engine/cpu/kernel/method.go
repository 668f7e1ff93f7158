package kernel

// WithoutWinograd makes the pool's convolutions take the direct method everywhere, which rounds less and is what
// Winograd's speed is measured against.
func WithoutWinograd() Option {
	return func(p *Pool) { p.direct = true }
}

// Ways in which a convolution is computed; see [Pool.Method].
const (
	MethodProduct  = "product"           // of matrices
	MethodDirect   = "direct"            // filters slide over the image
	MethodWinograd = "winograd F(4x4,3)" // products in the transformed domain
)

// Method names the way in which the pool computes a convolution and its gradients.
func (p *Pool) Method(c Conv) string {
	if c.pointwise() {
		return MethodProduct
	}
	if _, ok := p.winograd(c); ok {
		return MethodWinograd
	}
	return MethodDirect
}

// winograd is Conv.winograd where the pool allows it.
func (p *Pool) winograd(c Conv) (winograd, bool) {
	w, ok := c.winograd(p.isa)
	return w, ok && !p.direct
}
