package probe

import "github.com/sslctl/sslctl/core/engine/cpu/kernel"

// objective is the linear probe's loss and gradient over θ = (W, b), W [classes, d] first. It keeps the last
// evaluation, as L-BFGS asks for loss and gradient of a point one after the other.
type objective struct {
	p       *kernel.Pool
	x       []float32 // [n, d], standardised
	labels  []int
	n, d    int
	classes int
	l2      float64

	at     []float64 // θ of value and grad; nil before the first
	value  float64
	grad   []float64
	logits []float32 // [n, classes], then the gradient of the loss by them
	weight []float32
	gradW  []float32
	losses []float64 // of each chunk of rows
	biases []float64 // gradient by b of each chunk of rows
}

func newObjective(p *kernel.Pool, x []float32, labels []int, d int, l2 float64) *objective {
	n, classes := len(labels), classesOf(labels)
	return &objective{p: p, x: x, labels: labels, n: n, d: d, classes: classes, l2: l2,
		grad: make([]float64, classes*(d+1)), logits: make([]float32, n*classes),
		weight: make([]float32, classes*d), gradW: make([]float32, classes*d),
		losses: make([]float64, chunksOf(n)), biases: make([]float64, chunksOf(n)*classes)}
}

func (o *objective) size() int { return o.classes * (o.d + 1) }

// split returns θ as weights and biases.
func (o *objective) split(theta []float64) (weight, bias []float32) {
	all := make([]float32, len(theta))
	for i, v := range theta {
		all[i] = float32(v)
	}
	return all[:o.classes*o.d], all[o.classes*o.d:]
}

func (o *objective) loss(theta []float64) float64 {
	o.evaluate(theta)
	return o.value
}

func (o *objective) gradient(grad, theta []float64) {
	o.evaluate(theta)
	copy(grad, o.grad)
}

// evaluate sets value and grad at θ: logits by one product, softmax by rows, the weights' gradient by another.
func (o *objective) evaluate(theta []float64) {
	if o.known(theta) {
		return
	}
	weights := o.classes * o.d
	for i := range o.weight {
		o.weight[i] = float32(theta[i])
	}
	product(o.p, o.x, o.weight, o.logits, o.n, o.classes, o.d)
	o.softmax(theta[weights:])
	outer(o.p, o.logits, o.x, o.gradW, o.n, o.classes, o.d)

	var square float64
	for i, g := range o.gradW {
		o.grad[i] = float64(g)/float64(o.n) + o.l2*theta[i]
		square += theta[i] * theta[i]
	}
	bias := o.grad[weights:]
	clear(bias)
	var total float64
	for c, l := range o.losses {
		total += l
		for k := range bias {
			bias[k] += o.biases[c*o.classes+k] / float64(o.n)
		}
	}
	o.value = total/float64(o.n) + o.l2/2*square
	o.at = append(o.at[:0], theta...)
}

// softmax turns the logits into the loss's gradient by them and sums losses and bias gradients by chunks.
func (o *objective) softmax(bias []float64) {
	overRows(o.p, o.n, func(c, lo, hi int) {
		sums := o.biases[c*o.classes : (c+1)*o.classes]
		clear(sums)
		scratch := make([]float64, o.classes)
		var loss float64
		for i := lo; i < hi; i++ {
			row := o.logits[i*o.classes : (i+1)*o.classes]
			loss += softmaxLoss(row, bias, o.labels[i], scratch)
			for k, v := range row {
				sums[k] += float64(v)
			}
		}
		o.losses[c] = loss
	})
}

func (o *objective) known(theta []float64) bool {
	if len(o.at) != len(theta) {
		return false
	}
	for i, v := range theta {
		if v != o.at[i] {
			return false
		}
	}
	return true
}
