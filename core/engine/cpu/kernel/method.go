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
	// The first two with numbers that are multiplied in bfloat16; see [WithDots].
	MethodProductDots = "product bf16"
	MethodDirectDots  = "direct bf16"
)

// ForwardMethod names the way in which the pool computes a convolution of an x so stored.
func (c Conv) ForwardMethod(p *Pool, x Array) string {
	_, dots := c.forwardDots(p, x)
	return p.methodOf(c, dots)
}

// BackwardDataMethod names the way in which the pool computes the gradient of the input from a dy so stored.
func (c Conv) BackwardDataMethod(p *Pool, dy Array) string {
	_, dots := c.backwardDots(p, dy)
	return p.methodOf(c, dots)
}

// BackwardWeightsMethod names the way in which the pool computes the gradient of the weights from x and dy so stored.
func (c Conv) BackwardWeightsMethod(p *Pool, x, dy Array) string {
	return p.methodOf(c, c.weightDots(p, x, dy))
}

func (p *Pool) methodOf(c Conv, dots bool) string {
	switch {
	case dots && c.pointwise():
		return MethodProductDots
	case dots:
		return MethodDirectDots
	}
	return p.Method(c)
}

// Method names the way in which the pool computes a convolution and its gradients in float32.
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
