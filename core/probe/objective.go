package probe

import (
	"math"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
)

// groups is into how many parts the rows are cut for one evaluation: each part sums its gradient in the order of
// its rows, the parts are added in their order. It bounds the memory for partial gradients and the useful threads.
const groups = 32

// objective is the linear probe's loss and gradient over θ = (V, b), V [classes, d] first, where V is the weights
// in the preconditioner's coordinates. It keeps the last evaluation, as L-BFGS asks for loss and gradient of a point
// one after the other.
type objective struct {
	p       *kernel.Pool
	x       []float32 // [n, d], standardised
	labels  []int
	n, d    int
	classes int
	l2      float64
	pre     preconditioner

	at      []float64 // θ of the fields below; empty before the first evaluation
	value   float64
	grad    []float64 // by θ
	steep   float64   // largest component of the gradient by (W, b)
	weights []float64 // W
	narrow  []float32 // W in float32
	parts   []part
}

// part is what one group of rows adds.
type part struct {
	loss   float64
	bias   []float64 // [classes]
	weight []float32 // [classes, d]
	logits []float32 // [chunkRows, classes], then the loss's gradient by them
	row    []float64 // [classes]
}

func newObjective(p *kernel.Pool, x []float32, labels []int, d int, l2 float64) *objective {
	n, classes := len(labels), classesOf(labels)
	o := &objective{p: p, x: x, labels: labels, n: n, d: d, classes: classes, l2: l2,
		pre: newPreconditioner(p, x, n, d, classes, l2), grad: make([]float64, classes*(d+1)),
		weights: make([]float64, classes*d), narrow: make([]float32, classes*d), parts: make([]part, min(groups, chunksOf(n)))}
	for i := range o.parts {
		o.parts[i] = part{bias: make([]float64, classes), weight: make([]float32, classes*d),
			logits: make([]float32, chunkRows*classes), row: make([]float64, classes)}
	}
	return o
}

func (o *objective) size() int { return o.classes * (o.d + 1) }

// solution returns W and b at θ.
func (o *objective) solution(theta []float64) (weight, bias []float32) {
	o.evaluate(theta)
	for _, v := range theta[o.classes*o.d:] {
		bias = append(bias, float32(v))
	}
	return o.narrow, bias
}

func (o *objective) loss(theta []float64) float64 {
	o.evaluate(theta)
	return o.value
}

func (o *objective) gradient(grad, theta []float64) {
	o.evaluate(theta)
	copy(grad, o.grad)
}

// evaluate sets the fields of one point.
func (o *objective) evaluate(theta []float64) {
	if o.known(theta) {
		return
	}
	n := o.classes * o.d
	bias := theta[n:]
	o.pre.toWeights(o.weights, theta[:n])
	for i, w := range o.weights {
		o.narrow[i] = float32(w)
	}
	o.p.Run(len(o.parts), func(_, g int) {
		first, last := g*chunksOf(o.n)/len(o.parts), (g+1)*chunksOf(o.n)/len(o.parts)
		o.sumPart(&o.parts[g], first*chunkRows, min(last*chunkRows, o.n), bias)
	})
	o.gather(bias)
	o.at = append(o.at[:0], theta...)
}

// sumPart goes through rows lo to hi chunk by chunk, so that the second product finds the chunk in cache.
func (o *objective) sumPart(p *part, lo, hi int, bias []float64) {
	p.loss = 0
	clear(p.bias)
	clear(p.weight)
	for ; lo < hi; lo += chunkRows {
		rows := min(chunkRows, hi-lo)
		x := o.x[lo*o.d : (lo+rows)*o.d]
		product(o.p, x, o.narrow, p.logits, rows, o.classes, o.d)
		for i := range rows {
			row := p.logits[i*o.classes : (i+1)*o.classes]
			p.loss += softmaxLoss(row, bias, o.labels[lo+i], p.row)
			for k, v := range row {
				p.bias[k] += float64(v)
			}
		}
		addOuter(o.p, p.logits, x, p.weight, rows, o.classes, o.d)
	}
}

// gather adds the parts and the penalty to loss and gradient.
func (o *objective) gather(bias []float64) {
	n, rows := o.classes*o.d, 1/float64(o.n)
	grad := o.grad[:n]
	clear(o.grad)
	o.value = 0
	for _, p := range o.parts {
		o.value += p.loss * rows
		for i, g := range p.weight {
			grad[i] += float64(g) * rows
		}
		for k, g := range p.bias {
			o.grad[n+k] += g * rows
		}
	}
	var square float64
	for i, w := range o.weights {
		grad[i] += o.l2 * w
		square += w * w
	}
	o.value += o.l2 / 2 * square
	o.steep = 0
	for _, g := range o.grad {
		o.steep = max(o.steep, math.Abs(g))
	}
	o.pre.toGradient(grad)
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
