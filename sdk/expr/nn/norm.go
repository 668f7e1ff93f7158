package nn

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
)

// Eps is added to the variance in batch norm; PyTorch's default.
const Eps = 1e-5

// Momentum is the weight of a new batch in running statistics; PyTorch's default.
const Momentum = 0.1

// Buffer is one running statistic of a batch norm, a vector over channels.
type Buffer struct {
	Name   string      // "backbone.bn1.running_mean" or "...running_var"
	Shape  expr.Shape  // [channels]
	Init   Init        // 0 for means, 1 for variances
	Tensor expr.Tensor // evaluation: the input that holds it
	Stats  expr.Tensor // training: [groups, 2, channels], mean and biased variance of each group
	Row    int         // of Stats: 0 for the mean, 1 for the variance
	Rows   int         // elements of a channel in one group
}

// Update moves value towards the batch's statistics, once for each group in order:
// value <- (1-Momentum)*value + Momentum*new, where a new variance is unbiased, rows/(rows-1) times the biased one.
func (u Buffer) Update(value, stats []float32) {
	c, factor := len(value), u.unbiased()
	for at := u.Row * c; at < len(stats); at += 2 * c {
		for i := range value {
			value[i] = float32((1-Momentum)*float64(value[i]) + Momentum*factor*float64(stats[at+i]))
		}
	}
}

// unbiased is what the batch's statistic is multiplied by.
func (u Buffer) unbiased() float64 {
	if u.Row == 1 && u.Rows > 1 {
		return float64(u.Rows) / float64(u.Rows-1)
	}
	return 1
}

// Next is Update as an expression: what a value becomes by Stats, for devices that keep it themselves.
func (u Buffer) Next(value expr.Tensor) expr.Tensor {
	c, factor := u.Shape[0], u.unbiased()
	rows := u.Stats.Reshape(2*u.Stats.Dim(0), c)
	for row := u.Row; row < rows.Dim(0); row += 2 {
		batch := rows.Slice(0, row, row+1).Reshape(c)
		value = value.Scale(1 - Momentum).Add(batch.Scale(Momentum * factor))
	}
	return value
}

// BatchNorm normalises each channel, the last axis of x: (x - mean)/sqrt(var + Eps), then with affine times `weight` plus
// `bias` (initially 1 and 0). While training the statistics are the batch's, with the biased variance, and the scope's
// buffers `running_mean` and `running_var` name what follows them; in evaluation they are those buffers. A scope has one
// batch norm: its running statistics would be updated twice.
func BatchNorm(s Scope, x expr.Tensor, affine bool) expr.Tensor {
	return batchNorm(s, x, affine, Init{Constant, 1})
}

// ZeroBatchNorm is an affine BatchNorm whose scale starts at 0, so that a residual block starts as the identity.
func ZeroBatchNorm(s Scope, x expr.Tensor) expr.Tensor {
	return batchNorm(s, x, true, Init{Constant, 0})
}

func batchNorm(s Scope, x expr.Tensor, affine bool, scale Init) expr.Tensor {
	c := x.Dim(len(x.Shape()) - 1)
	stats := Statistics(s, x)
	operands := []expr.Tensor{x, stats}
	if affine {
		operands = append(operands, s.Param("weight", Vector, scale, c), s.Param("bias", Vector, Init{Constant, 0}, c))
	}
	return s.store.b.Apply(expr.BNApply, expr.Attrs{Groups: s.Groups(), Eps: Eps}, operands...)
}

// Statistics are what [BatchNorm] normalises x by: mean and biased variance of each channel, [groups, 2, channels], the
// batch's while training and else the running ones. It is for what replays a network; layers call BatchNorm.
func Statistics(s Scope, x expr.Tensor) expr.Tensor {
	b, c := s.store.b, x.Dim(len(x.Shape())-1)
	if s.store.norms[s.prefix] {
		return b.Fail(fmt.Errorf("the batch norm %q is applied twice; stack the views on the batch axis instead", s.prefix))
	}
	s.store.norms[s.prefix] = true
	mean := Buffer{Name: s.name("running_mean"), Shape: expr.Shape{c}, Init: Init{Constant, 0}, Row: 0}
	variance := Buffer{Name: s.name("running_var"), Shape: expr.Shape{c}, Init: Init{Constant, 1}, Row: 1}
	var stats expr.Tensor
	if s.groups > 0 {
		stats = b.Apply(expr.BNStats, expr.Attrs{Groups: s.groups}, x)
		rows := x.Shape().TotalSize() / c / s.groups
		mean.Stats, variance.Stats = stats, stats
		mean.Rows, variance.Rows = rows, rows
	} else {
		mean.Tensor, variance.Tensor = b.Input(mean.Name, c), b.Input(variance.Name, c)
		stats = expr.Join(1, mean.Tensor.Reshape(1, 1, c), variance.Tensor.Reshape(1, 1, c))
	}
	s.store.buffers = append(s.store.buffers, mean, variance)
	return stats
}
