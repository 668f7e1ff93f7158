package library

import (
	"errors"
	"slices"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
	"github.com/sslctl/sslctl/core/internal/cuda/cublaslt"
	"github.com/sslctl/sslctl/core/internal/cuda/cudnn"
	"github.com/sslctl/sslctl/sdk/expr"
)

// convolves reports whether an instruction is one of a convolution's three directions.
func convolves(in engine.Instr) bool {
	return in.Kind == expr.Conv2D || in.Kind == expr.Conv2DGradX || in.Kind == expr.Conv2DGradW
}

// sizes of the convolution that an instruction belongs to.
func (v *Plan) sizes(in engine.Instr) cudnn.Convolution {
	x, w := in.In[0], in.In[1]
	switch in.Kind {
	case expr.Conv2DGradX:
		x = in.Out[0]
	case expr.Conv2DGradW:
		w = in.Out[0]
	}
	xs, ws := v.plan.Values[x].Shape, v.plan.Values[w].Shape
	return cudnn.Convolution{N: xs[0], H: xs[1], W: xs[2], C: xs[3], R: ws[0], S: ws[1], K: ws[3], Stride: in.Attrs.Stride, Pad: in.Attrs.Pad}
}

// imageType is the storage type in which a convolution is computed: bfloat16 where one of its images is stored so. Pixels,
// which come in float32, are then rounded first.
func (v *Plan) imageType(in engine.Instr) engine.DType {
	images := []engine.ID{in.In[0], in.Out[0]}
	if in.Kind == expr.Conv2DGradW {
		images = in.In
	}
	for _, id := range images {
		if v.plan.Values[id].Type == engine.BFloat16 {
			return engine.BFloat16
		}
	}
	return engine.Float32
}

// convolution is a step of cuDNN's.
type convolution struct {
	operation *cudnn.Operation
	key       string // of the problem, for the choice of its algorithm
	suggested cudnn.Algorithm
	space     int // workspace in bytes with which it is measured
	a, b, to  kernels.Arg
}

// convolution plans a convolution by cuDNN: operands brought into its form, the operation, the result brought home.
func (v *Plan) convolution(in engine.Instr) ([]step, error) {
	c, t := v.sizes(in), v.imageType(in)
	switch {
	case t == engine.BFloat16:
		c.Type, c.Math = cudnn.BFloat16, cudnn.TensorOp
	case v.libraries.options.TF32:
		c.Type, c.Math = cudnn.Float32, cudnn.TF32
	default:
		c.Type, c.Math = cudnn.Float32, cudnn.Full
	}
	direction := directions[in.Kind]
	o, err := v.libraries.images.Operation(c, direction)
	if err != nil {
		return nil, err
	}
	v.operations = append(v.operations, o)
	conv := &convolution{operation: o, key: key(c, direction)}
	if err := v.choose(conv); err != nil {
		return nil, err
	}
	before, after := v.form(conv, in, c, t)
	return slices.Concat(before, []step{{run: func(d Device) error {
		return o.Enqueue(v.place(conv.a, d), v.place(conv.b, d), v.place(conv.to, d), v.buffers.at[workspace])
	}}}, after), nil
}

var directions = map[expr.Kind]cudnn.Direction{
	expr.Conv2D: cudnn.Forward, expr.Conv2DGradX: cudnn.BackwardData, expr.Conv2DGradW: cudnn.BackwardFilter,
}

// form brings operands and result of a convolution into cuDNN's form, in its order: weights before images going backward.
func (v *Plan) form(conv *convolution, in engine.Instr, c cudnn.Convolution, t engine.DType) (before, after []step) {
	var more []step
	switch in.Kind {
	case expr.Conv2D: // (x, w) -> y
		conv.a, before = v.operand(in.In[0], t, false, 0)
		conv.b, more = v.operand(in.In[1], t, true, c.K)
		conv.to, after = v.result(in.Out[0], t, false, 0)
	case expr.Conv2DGradX: // (dy, w) -> dx
		conv.a, before = v.operand(in.In[1], t, true, c.K)
		conv.b, more = v.operand(in.In[0], t, false, 0)
		conv.to, after = v.result(in.Out[0], t, false, 0)
	case expr.Conv2DGradW: // (x, dy) -> dw
		conv.a, before = v.operand(in.In[0], t, false, 0)
		conv.b, more = v.operand(in.In[1], t, false, 0)
		conv.to, after = v.result(in.Out[0], t, true, c.K)
	}
	return append(before, more...), after
}

// unsupported reports whether a library says that it has no code for a problem.
func unsupported(err error) bool {
	var status *cudnn.Error
	return errors.Is(err, cublaslt.ErrUnsupported) || errors.Is(err, errNoAlgorithm) || errors.As(err, &status) && status.Unsupported()
}
