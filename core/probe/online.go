package probe

import (
	"fmt"
	"math"

	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
)

// The online probe's settings, those of solo-learn's classifier: SGD at 0.1 times batch/256 with momentum 0.9 and no weight
// decay, on a cosine to 0. Source: solo-learn, solo/methods/base.py and scripts/pretrain (classifier_lr: 0.1).
const (
	onlineLR       = 0.1
	onlineMomentum = 0.9
	onlineRunning  = 0.1 // share of a new batch in the running statistics, torch's batch norm's
	onlineEps      = 1e-5
)

// Online is a linear classifier that learns beside a method, from the representations of the training views as they
// change, and never touches them: no gradient leaves it. Features are standardised by the batch while it learns and by
// running statistics when it is tested, as a batch norm without scale and shift would; solo-learn feeds them raw, where the
// learning rate depends on their size.
//
// Its accuracy at the end says what a probe sees at no cost; [Linear], trained on the frozen representation, says what is in
// it. Steps are a function of their inputs and of the state: the same bits whatever the number of threads.
type Online struct {
	classes, dim, total int
	state               map[string][]float32
	scaled              []float32 // [rows, dim], of the last step
	logits              []float32 // [rows, classes]
}

// The names of its state.
const (
	onlineWeight, onlineBias           = "weight", "bias"
	onlineWeightSpeed, onlineBiasSpeed = "weight.momentum", "bias.momentum"
	onlineMean, onlineVariance         = "mean", "variance"
)

// NewOnline makes a classifier of zeros for representations of dim features, that learns for total steps.
func NewOnline(classes, dim, total int) *Online {
	o := &Online{classes: classes, dim: dim, total: total, state: map[string][]float32{}}
	for name, n := range map[string]int{onlineWeight: classes * dim, onlineWeightSpeed: classes * dim, onlineBias: classes,
		onlineBiasSpeed: classes, onlineMean: dim, onlineVariance: dim} {
		o.state[name] = make([]float32, n)
	}
	return o
}

// State is what a checkpoint must hold: weights, momentum and running statistics by name. The slices are live.
func (o *Online) State() map[string][]float32 { return o.state }

// Load takes a state back.
func (o *Online) Load(state map[string][]float32) error {
	for name, own := range o.state {
		given, ok := state[name]
		if !ok || len(given) != len(own) {
			return fmt.Errorf("online probe: %s has %d numbers, want %d", name, len(given), len(own))
		}
		copy(own, given)
	}
	return nil
}

// Step learns from step k = 0, 1, ... of training: of each view a batch of representations [n, dim], and the labels of the
// n images; rows with a label below 0 do not count. It returns the mean cross-entropy before the step.
func (o *Online) Step(p *kernel.Pool, k int, views [][]float32, labels []int) float64 {
	rows := len(views) * len(labels)
	o.standardise(p, k, views, rows)
	o.logits = resize(o.logits, rows*o.classes)
	product(p, o.scaled, o.state[onlineWeight], o.logits, rows, o.classes, o.dim)
	loss, bias := o.residuals(labels)
	rate := float32(onlineLR * float64(len(labels)) / 256 * (1 + math.Cos(math.Pi*float64(k)/float64(o.total))) / 2)
	speed := o.state[onlineWeightSpeed]
	for i := range speed {
		speed[i] *= onlineMomentum
	}
	addOuter(p, o.logits, o.scaled, speed, rows, o.classes, o.dim)
	descend(o.state[onlineWeight], speed, rate)
	for c, g := range bias {
		o.state[onlineBiasSpeed][c] = onlineMomentum*o.state[onlineBiasSpeed][c] + float32(g)
	}
	descend(o.state[onlineBias], o.state[onlineBiasSpeed], rate)
	return loss
}

// standardise stacks the views, (x − mean)/√(var + ε) by the batch's statistics, and moves the running ones. The first
// batches weigh as in a plain mean, so that the zeros of the start do not count.
func (o *Online) standardise(p *kernel.Pool, k int, views [][]float32, rows int) {
	o.scaled = resize(o.scaled, rows*o.dim)
	share := max(onlineRunning, 1/float64(k+1))
	p.Run((o.dim+onlineColumns-1)/onlineColumns, func(_, task int) {
		lo := task * onlineColumns
		o.standardiseColumns(lo, min(lo+onlineColumns, o.dim), share, views, rows)
	})
}

// onlineColumns is the number of features that a task standardises: rows of four cache lines.
const onlineColumns = 64

// standardiseColumns does so for features [lo, hi).
func (o *Online) standardiseColumns(lo, hi int, share float64, views [][]float32, rows int) {
	var sums, squares [onlineColumns]float64
	overAll := func(f func(row []float32)) {
		for _, v := range views {
			for at := 0; at < len(v); at += o.dim {
				f(v[at+lo : at+hi])
			}
		}
	}
	// One pass, about the running mean: the closer the shift, the less the difference of squares cancels.
	means, variances := o.state[onlineMean][lo:hi], o.state[onlineVariance][lo:hi]
	overAll(func(row []float32) {
		for j, x := range row {
			d := float64(x) - float64(means[j])
			sums[j] += d
			squares[j] += d * d
		}
	})
	var centre, inverse [onlineColumns]float32
	for j := range means {
		mean := sums[j] / float64(rows)
		variance := max(0, squares[j]/float64(rows)-mean*mean)
		mean += float64(means[j])
		centre[j], inverse[j] = float32(mean), float32(1/math.Sqrt(variance+onlineEps))
		means[j] += float32(share * (mean - float64(means[j])))
		variances[j] += float32(share * (variance - float64(variances[j])))
	}
	at := lo
	overAll(func(row []float32) {
		scaled := o.scaled[at:]
		for j, x := range row {
			scaled[j] = (x - centre[j]) * inverse[j]
		}
		at += o.dim
	})
}

// residuals turns the logits into the gradient of the mean cross-entropy by them, and sums it over the rows for the bias.
func (o *Online) residuals(labels []int) (loss float64, bias []float64) {
	rows, known := len(o.logits)/o.classes, 0
	for i := range rows {
		if labels[i%len(labels)] >= 0 {
			known++
		}
	}
	start, scratch := make([]float64, o.classes), make([]float64, o.classes)
	for c, b := range o.state[onlineBias] {
		start[c] = float64(b)
	}
	bias = make([]float64, o.classes)
	for i := range rows {
		row, label := o.logits[i*o.classes:(i+1)*o.classes], labels[i%len(labels)]
		if label < 0 {
			clear(row)
			continue
		}
		loss += softmaxLoss(row, start, label, scratch) / float64(known)
		for c := range row {
			row[c] /= float32(known)
			bias[c] += float64(row[c])
		}
	}
	return loss, bias
}

// Test is the accuracy on representations made in evaluation mode.
func (o *Online) Test(p *kernel.Pool, features []float32, labels []int) (Accuracy, error) {
	s := scaler{mean: o.state[onlineMean], inverse: make([]float32, o.dim)}
	for j, v := range o.state[onlineVariance] {
		s.inverse[j] = float32(1 / math.Sqrt(float64(v)+onlineEps))
	}
	c := &Classifier{Classes: o.classes, Dim: o.dim, Weight: o.state[onlineWeight], Bias: o.state[onlineBias], scale: s}
	return c.Test(p, features, labels)
}

func descend(w, speed []float32, rate float32) {
	for i, v := range speed {
		w[i] -= rate * v
	}
}

func resize(x []float32, n int) []float32 {
	if cap(x) < n {
		return make([]float32, n)
	}
	return x[:n]
}
