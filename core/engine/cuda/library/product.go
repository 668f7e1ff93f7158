package library

import (
	"slices"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/internal/cuda/cublaslt"
	"github.com/sslctl/sslctl/sdk/expr"
)

// alignment of every address: values and buffers keep it.
const alignment = 16

// matmul plans a MatMul instruction, together with a chain behind it that adds a bias.
func (v *Plan) matmul(i int) ([]step, error) {
	in := v.plan.Instrs[i]
	a, out := v.plan.Values[in.In[0]].Shape, v.plan.Values[in.Out[0]].Shape
	k := a[1]
	if in.Attrs.TransA {
		k = a[0]
	}
	problem := cublaslt.Problem{M: out[0], N: out[1], K: k, TransA: in.Attrs.TransA, TransB: in.Attrs.TransB, Epilogue: cublaslt.Plain}
	after, fused := v.epilogue(i)
	if fused {
		problem.Epilogue = cublaslt.Bias
	}
	m, err := v.product(problem, engine.Float32, engine.Float32)
	if err != nil {
		return nil, err
	}
	if fused {
		v.absorbed[after.chain] = true
	}
	return []step{{run: func(d Device) error {
		o := cublaslt.Operands{A: d.Address(in.In[0]), B: d.Address(in.In[1]), C: d.Address(in.Out[0]), Workspace: v.buffers.at[workspace]}
		if fused {
			o.Bias = d.Address(after.bias)
		}
		return m.Enqueue(v.libraries.stream, o)
	}}}, nil
}

// product plans op(a) op(b) of operands and a result of these storage types.
func (v *Plan) product(p cublaslt.Problem, operands, result engine.DType) (*cublaslt.Matmul, error) {
	types := [...]cublaslt.Type{engine.Float32: cublaslt.Float32, engine.BFloat16: cublaslt.BFloat16}
	p.A, p.B, p.C = types[operands], types[operands], types[result]
	p.Align, p.Compute = alignment, cublaslt.Full
	if v.libraries.options.TF32 && operands == engine.Float32 {
		p.Compute = cublaslt.TF32
	}
	m, err := v.libraries.products.Plan(p, productSpace)
	if err != nil {
		return nil, err
	}
	v.operations = append(v.operations, m)
	return m, nil
}

// epilogue is a chain that a product computes on the way.
type epilogue struct {
	chain int // instruction
	bias  engine.ID
}

// epilogue finds the chain behind product i that is its result plus a bias for each column. Nobody else may read the product,
// whose memory the chain must take over: until the chain's turn any other might be in use.
func (v *Plan) epilogue(i int) (epilogue, bool) {
	p := v.plan
	product := p.Instrs[i].Out[0]
	reader, ok := v.soleReader(product)
	if !ok || p.Instrs[reader].Kind != engine.Fused {
		return epilogue{}, false
	}
	in := p.Instrs[reader]
	bias, ok := addsBias(in.Chain, product)
	if !ok {
		return epilogue{}, false
	}
	out, by := p.Values[in.Out[0]], v.by[bias]
	early := p.Values[bias].Input != "" || by >= 0 && by < i
	if !early || out.Store != p.Values[product].Store || out.Type != engine.Float32 || p.Values[bias].Type != engine.Float32 {
		return epilogue{}, false
	}
	return epilogue{reader, bias}, true
}

// addsBias recognises the chain x + b with b repeated along rows.
func addsBias(c *engine.Chain, x engine.ID) (bias engine.ID, ok bool) {
	if len(c.Inputs) != 2 || len(c.Ops) != 1 || c.Ops[0].Kind != expr.Add || c.Ops[0].A == c.Ops[0].B {
		return 0, false
	}
	at := slices.IndexFunc(c.Inputs, func(in engine.ChainInput) bool { return in.Value == x && in.Repeat == engine.Full })
	if at < 0 || c.Inputs[1-at].Repeat != engine.Row {
		return 0, false
	}
	return c.Inputs[1-at].Value, true
}

// soleReader is the only instruction that reads a computed value, where there is one and the value is not seen otherwise:
// as an output, or in another shape.
func (v *Plan) soleReader(id engine.ID) (int, bool) {
	p := v.plan
	value := p.Values[id]
	for other, w := range p.Values {
		if view := w.Store == value.Store && w.Input == "" && v.by[other] < 0; view {
			return 0, false
		}
	}
	reader, count := 0, 0
	for i, in := range p.Instrs {
		for _, read := range in.Reads() {
			if read == id {
				reader = i
				count++
			}
		}
	}
	return reader, count == 1 && !value.Output
}

// pointwise reports whether a convolution is a product: a kernel of one pixel that visits each.
func (v *Plan) pointwise(in engine.Instr) bool {
	c := v.sizes(in)
	return c.R == 1 && c.S == 1 && c.Stride == 1
}

// pointwiseConvolution plans a pointwise convolution, with images seen as matrices of a row for each pixel and weights as
// [c, k].
func (v *Plan) pointwiseConvolution(in engine.Instr) ([]step, error) {
	s, t := v.sizes(in), v.imageType(in)
	pixels := s.N * s.H * s.W
	var p cublaslt.Problem
	switch in.Kind {
	case expr.Conv2D: // y = x w
		p = cublaslt.Problem{M: pixels, N: s.K, K: s.C}
	case expr.Conv2DGradX: // dx = dy w'
		p = cublaslt.Problem{M: pixels, N: s.C, K: s.K, TransB: true}
	case expr.Conv2DGradW: // dw = x' dy, which is stored in float32 whatever the images are
		p = cublaslt.Problem{M: s.C, N: s.K, K: pixels, TransA: true}
	}
	p.Epilogue = cublaslt.Plain
	written := t
	if in.Kind == expr.Conv2DGradW {
		written = engine.Float32
	}
	m, err := v.product(p, t, written)
	if err != nil {
		return nil, err
	}
	a, before := v.operand(in.In[0], t, false, 0)
	b, more := v.operand(in.In[1], t, false, 0)
	c, after := v.result(in.Out[0], written, false, 0)
	return slices.Concat(before, more, []step{{run: func(d Device) error {
		return m.Enqueue(v.libraries.stream, cublaslt.Operands{A: v.place(a, d), B: v.place(b, d), C: v.place(c, d), Workspace: v.buffers.at[workspace]})
	}}}, after), nil
}
