package engine

import "github.com/sslctl/sslctl/sdk/expr"

// Cost is what an instruction must do at least: floating-point operations, a multiplication and an addition counting two
// as the field counts, and bytes read and written once.
type Cost struct {
	Flops, Bytes float64
}

// Cost of an instruction. Only products count operations: what is elementwise is bound by memory.
func (p *Plan) Cost(in Instr) Cost {
	var c Cost
	for _, id := range in.Reads() {
		c.Bytes += float64(p.Values[id].Bytes())
	}
	for _, id := range in.Out {
		c.Bytes += float64(p.Values[id].Bytes())
	}
	switch in.Kind {
	case expr.MatMul:
		k := p.Values[in.In[0]].Shape[1]
		if in.Attrs.TransA {
			k = p.Values[in.In[0]].Shape[0]
		}
		c.Flops = 2 * float64(p.Values[in.Out[0]].Size()) * float64(k)
	case expr.Conv2D:
		c.Flops = p.products(in.In[1], in.Out[0])
	case expr.Conv2DGradX:
		c.Flops = p.products(in.In[1], in.In[0])
	case expr.Conv2DGradW:
		c.Flops = p.products(in.Out[0], in.In[1])
	}
	return c
}

// products is the arithmetic of a convolution with weights w [r, s, c, k] and outputs y [n, p, q, k].
func (p *Plan) products(w, y ID) float64 {
	s := p.Values[w].Shape
	return 2 * float64(p.Values[y].Size()) * float64(s[0]*s[1]*s[2])
}
