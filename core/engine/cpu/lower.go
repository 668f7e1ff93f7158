package cpu

import (
	"fmt"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/sdk/expr"
)

// lower turns an instruction into a call of its kernel, which is recorded: whatever it does to numbers, it does in a Run of
// the executable's pool. Data is looked up at each recording, since inputs may be bound anew.
func (e *Executable) lower(in engine.Instr) (func(), error) {
	out := in.Out[0]
	switch in.Kind {
	case engine.Constant:
		// At each run: its place in the arena is others' at other times.
		return e.serially(func() { e.data[out][0] = float32(in.Attrs.Alpha) }), nil
	case engine.Fused:
		return e.chain(in)
	case expr.MatMul:
		return e.matmul(in), nil
	case expr.Sum:
		return e.sum(in), nil
	case expr.Conv2D, expr.Conv2DGradX:
		convolve := e.convolution(in)
		return func() { convolve(kernel.Epilogue{}) }, nil
	case expr.Conv2DGradW:
		c := Convolution(e.plan, in)
		return func() { c.BackwardWeightsOf(e.pool, e.array(in.In[0]), e.array(in.In[1]), e.data[out]) }, nil
	case expr.BNStats, expr.BNApply, expr.BNReduce, expr.BNGrad:
		return e.batchNorm(in), nil
	case expr.MaxPool, expr.MaxPoolGrad, expr.AvgPool, expr.AvgPoolGrad:
		return e.pooling(in), nil
	case expr.Transpose:
		s := e.shape(in.In[0])
		return func() { kernel.Transpose(e.pool, e.data[out], e.data[in.In[0]], s[0], s[1]) }, nil
	case expr.OffDiagonal:
		return e.offDiagonal(in), nil
	case engine.Sunk:
		return e.sink(in), nil
	}
	if in.Op == nil {
		return nil, fmt.Errorf("no kernel for %s", in.Kind)
	}
	return e.reference(in), nil
}

// array is the memory of a value in either storage; none for an operand that is left out.
func (e *Executable) array(id engine.ID) kernel.Array {
	if id < 0 {
		return kernel.Array{}
	}
	if e.plan.Values[id].Type == engine.BFloat16 {
		return kernel.Halves(e.halves[id])
	}
	return kernel.Floats(e.data[id])
}

func (e *Executable) shape(id engine.ID) expr.Shape { return e.plan.Values[id].Shape }

// serially makes a call of something that the running thread does.
func (e *Executable) serially(f func()) func() {
	task := func(_, _ int) { f() }
	return func() { e.pool.Run(1, task) }
}

// reference runs the op's own Do: for what only moves a few numbers, and for custom ops, which alone can fail.
func (e *Executable) reference(in engine.Instr) func() {
	operands := make([][]float32, len(in.In))
	return e.serially(func() {
		for i, id := range in.In {
			operands[i] = e.data[id]
		}
		out := e.data[in.Out[0]]
		clear(out)
		if err := in.Op.Compute(out, operands); err != nil {
			e.failed = err
		}
	})
}

func (e *Executable) matmul(in engine.Instr) func() {
	g := Product(e.plan, in)
	return func() {
		g.A, g.B, g.C = e.data[in.In[0]], e.data[in.In[1]], e.data[in.Out[0]]
		kernel.Gemm(e.pool, g)
	}
}

// Product is the matrix product that a MatMul instruction of a plan calls for, without its operands.
func Product(p *engine.Plan, in engine.Instr) kernel.GemmArgs {
	a, b, out := p.Values[in.In[0]].Shape, p.Values[in.In[1]].Shape, p.Values[in.Out[0]].Shape
	k := a[1]
	if in.Attrs.TransA {
		k = a[0]
	}
	return kernel.GemmArgs{TransA: in.Attrs.TransA, TransB: in.Attrs.TransB, M: out[0], N: out[1], K: k, Alpha: 1,
		Lda: a[1], Ldb: b[1], Ldc: out[1]}
}

// sum has kernels for sums over all, over the leading and over the trailing axes; others use the reference.
func (e *Executable) sum(in engine.Instr) func() {
	x, out := in.In[0], in.Out[0]
	s := e.shape(x)
	summed := make([]bool, len(s))
	for _, axis := range in.Attrs.Axes {
		summed[axis] = true
	}
	outer, inner, changes := 1, 1, 0
	for axis, d := range s {
		if axis > 0 && summed[axis] != summed[axis-1] {
			changes++
		}
		if changes == 0 {
			outer *= d
		} else {
			inner *= d
		}
	}
	switch {
	case changes == 0 && (len(s) == 0 || !summed[0]):
		return e.serially(func() { copy(e.data[out], e.data[x]) })
	case changes == 0:
		return func() { e.pool.SumTo(e.data[out], e.data[x]) }
	case changes == 1 && summed[0]:
		return func() { e.pool.ColSums(e.data[out], e.data[x], outer, inner) }
	case changes == 1:
		return func() { e.pool.RowSums(e.data[out], e.data[x], outer, inner) }
	}
	return e.reference(in)
}

// convolution is a convolution or the gradient of its input, with an epilogue; see following.
func (e *Executable) convolution(in engine.Instr) func(then kernel.Epilogue) {
	a, b, out := in.In[0], in.In[1], in.Out[0]
	c := Convolution(e.plan, in)
	if in.Kind == expr.Conv2DGradX {
		return func(then kernel.Epilogue) { c.BackwardDataThen(e.pool, e.array(a), e.data[b], e.array(out), then) }
	}
	return func(then kernel.Epilogue) { c.ForwardThen(e.pool, e.array(a), e.data[b], e.array(out), then) }
}

// Convolution is the convolution that a Conv2D, Conv2DGradX or Conv2DGradW instruction of a plan belongs to.
func Convolution(p *engine.Plan, in engine.Instr) kernel.Conv {
	x, w := in.In[0], in.In[1]
	switch in.Kind {
	case expr.Conv2DGradX:
		x = in.Out[0]
	case expr.Conv2DGradW:
		w = in.Out[0]
	}
	xs, ws := p.Values[x].Shape, p.Values[w].Shape
	return kernel.Conv{N: xs[0], H: xs[1], W: xs[2], C: xs[3], R: ws[0], S: ws[1], K: ws[3], Stride: in.Attrs.Stride, Pad: in.Attrs.Pad}
}

func (e *Executable) pooling(in engine.Instr) func() {
	a, out := in.In[0], in.Out[0]
	as, os := e.shape(a), e.shape(out)
	switch in.Kind {
	case expr.AvgPool:
		p := kernel.AvgPool{N: as[0], H: as[1], W: as[2], C: as[3], OutH: os[1], OutW: os[2]}
		return func() { p.ForwardOf(e.pool, e.array(a), e.array(out)) }
	case expr.AvgPoolGrad:
		p := kernel.AvgPool{N: as[0], H: os[1], W: os[2], C: as[3], OutH: as[1], OutW: as[2]}
		return func() { p.BackwardOf(e.pool, e.array(a), e.array(out)) }
	case expr.MaxPool:
		p := kernel.MaxPool{N: as[0], H: as[1], W: as[2], C: as[3], Size: in.Attrs.Kernel, Stride: in.Attrs.Stride, Pad: in.Attrs.Pad}
		return func() { p.ForwardOf(e.pool, e.array(a), e.array(out)) }
	}
	p := kernel.MaxPool{N: os[0], H: os[1], W: os[2], C: os[3], Size: in.Attrs.Kernel, Stride: in.Attrs.Stride, Pad: in.Attrs.Pad}
	return func() { p.BackwardOf(e.pool, e.array(in.In[1]), e.array(a), e.array(out)) }
}

func (e *Executable) offDiagonal(in engine.Instr) func() {
	x, out := in.In[0], in.Out[0]
	n := e.shape(out)[0]
	row := func(_, i int) {
		copy(e.data[out][i*n:(i+1)*n], e.data[x][i*n:(i+1)*n])
		e.data[out][i*n+i] = 0
	}
	return func() { e.pool.Run(n, row) }
}
