package engine

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
)

// DType is how a value's numbers are stored. Sums are float32 (or better) whatever the storage.
type DType uint8

const (
	Float32  DType = iota
	BFloat16       // float32's upper half: 8 bits of exponent, 7 of fraction; rounded to nearest, ties to even
)

// Bytes is the size of one number.
func (t DType) Bytes() int {
	if t == BFloat16 {
		return 2
	}
	return 4
}

func (t DType) String() string {
	if t == BFloat16 {
		return "bf16"
	}
	return "fp32"
}

// Precision says how a plan stores activations.
type Precision uint8

const (
	// FP32 stores everything in float32.
	FP32 Precision = iota
	// BF16 stores a network's images - what convolutions, batch norm and pooling compute, and the gradients of that - in
	// bfloat16, in half the memory. Inputs, parameters, gradients of weights, statistics, embeddings and losses stay float32,
	// and so do all sums. A device may multiply in bfloat16 where that is quicker, and rounds weights for it.
	BF16
)

func (p Precision) String() string {
	if p == BF16 {
		return "bf16"
	}
	return "fp32"
}

// ParsePrecision is the precision of the name "fp32" or "bf16".
func ParsePrecision(name string) (Precision, error) {
	for _, p := range []Precision{FP32, BF16} {
		if p.String() == name {
			return p, nil
		}
	}
	return FP32, fmt.Errorf("unknown precision %q", name)
}

// images lists for each kind that works on images which of its operands may be stored in bfloat16. Their results may too,
// save those of conv2d_grad_w, bn_stats and bn_reduce, which are no images, and of avg_pool, which are representations.
var images = map[expr.Kind][]int{
	expr.Conv2D: {0}, expr.Conv2DGradX: {0}, expr.Conv2DGradW: {0, 1},
	expr.BNStats: {0}, expr.BNApply: {0}, expr.BNReduce: {0, 1}, expr.BNGrad: {0, 1},
	expr.MaxPool: {0}, expr.MaxPoolGrad: {0, 1}, expr.AvgPool: {0}, expr.AvgPoolGrad: {},
}

// store decides which values are stored in bfloat16. A value is, where what makes it and everything that reads it works on
// images, and no caller reads it.
func (p *Plan) store(precision Precision) {
	if precision == FP32 {
		return
	}
	barred := p.barred()
	for _, in := range p.Instrs {
		if !p.makesImages(in) {
			continue
		}
		for _, id := range in.Out {
			if !barred[id] {
				p.Values[id].Type = BFloat16
			}
		}
	}
}

// barred marks the values that must be float32 whatever makes them. Shapes of other than four axes, and views of them, are
// no images.
func (p *Plan) barred() []bool {
	barred := make([]bool, len(p.Values))
	for id, v := range p.Values {
		if v.Input != "" || v.Output || len(v.Shape) != 4 || v.Store != ID(id) {
			barred[v.Store], barred[id] = true, true
		}
	}
	for _, in := range p.Instrs {
		for at, id := range in.In {
			if !in.readsImage(at) {
				barred[id] = true
			}
		}
	}
	return barred
}

// readsImage reports whether operand at of the instruction may be stored in bfloat16.
func (in Instr) readsImage(at int) bool {
	if in.Kind == Fused {
		return in.Chain.Inputs[at].Repeat == Full
	}
	for _, operand := range images[in.Kind] {
		if operand == at {
			return true
		}
	}
	return false
}

// makesImages reports whether the results of an instruction may be stored in bfloat16: a chain's, where it reads such an
// image.
func (p *Plan) makesImages(in Instr) bool {
	switch in.Kind {
	case Fused:
		for _, input := range in.Chain.Inputs {
			if input.Repeat == Full && p.Values[input.Value].Type == BFloat16 {
				return true
			}
		}
		return false
	case expr.Conv2DGradW, expr.BNStats, expr.BNReduce, expr.AvgPool:
		return false
	}
	_, ok := images[in.Kind]
	return ok
}
