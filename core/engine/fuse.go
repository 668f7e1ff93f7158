package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/sdk/expr"
)

// Chain is a small expression of elementwise ops that a device evaluates block by block, so that memory is read and
// written once. Registers hold blocks: the inputs first, then the result of each op; the last is the chain's result.
type Chain struct {
	Rows, Cols int // the result seen as a matrix, by which Row and Col inputs repeat
	Inputs     []ChainInput
	Ops        []ChainOp
}

// ChainInput says how an operand of the instruction is read.
type ChainInput struct {
	Value  ID
	Repeat Repeat
}

// Repeat is how an operand spreads over the result.
type Repeat int

const (
	Full   Repeat = iota // element for element
	Scalar               // one number
	Row                  // [cols], the same for each row
	Col                  // [rows], the same along each row
)

// ChainOp applies an elementwise op to registers.
type ChainOp struct {
	Kind        expr.Kind
	Alpha, Beta float64 // of Affine
	A, B        int     // registers; B is unused by unary ops
}

// maxChain bounds registers, so that a chain's blocks stay in the first-level cache.
const maxChain = 12

var arity = map[expr.Kind]int{
	expr.Add: 2, expr.Sub: 2, expr.Mul: 2, expr.Div: 2, expr.ReLUGrad: 2, expr.AbsGrad: 2,
	expr.Affine: 1, expr.Square: 1, expr.Sqrt: 1, expr.Exp: 1, expr.Log: 1, expr.Abs: 1, expr.Reciprocal: 1, expr.ReLU: 1,
}

// fuseElementwise joins every elementwise instruction with those of its operands that nobody else reads, and with
// broadcasts, into chains.
func (p *Plan) fuseElementwise() {
	gone := make([]bool, len(p.Instrs))
	for i := len(p.Instrs) - 1; i >= 0; i-- {
		in := &p.Instrs[i]
		if gone[i] || arity[in.Kind] == 0 {
			continue
		}
		g := grower{p: p, count: p.readers(), by: p.Producers(), shape: p.Values[in.Out[0]].Shape, chain: &Chain{}}
		g.chain.Rows, g.chain.Cols = 1, in.size(p)
		if s := g.shape; len(s) > 1 {
			g.chain.Cols = s[len(s)-1]
			g.chain.Rows = s.TotalSize() / g.chain.Cols
		}
		g.grow(i)
		for _, at := range g.absorbed {
			gone[at] = true
			p.Instrs[at].In, p.Instrs[at].Out = nil, nil // no longer counted
		}
		ids := make([]ID, len(g.chain.Inputs))
		for j, input := range g.chain.Inputs {
			ids[j] = input.Value
		}
		p.Instrs[i] = Instr{Kind: Fused, In: ids, Out: in.Out, Chain: g.chain, Residual: none, Mask: none}
	}
	p.drop(gone)
}

func (in *Instr) size(p *Plan) int { return p.Values[in.Out[0]].Size() }

type grower struct {
	p         *Plan
	count, by []int
	shape     expr.Shape
	chain     *Chain
	absorbed  []int
	// tree is the expression before its registers are numbered: inputs come first, so ops are collected apart.
	ops []treeOp
}

type treeOp struct {
	kind        expr.Kind
	alpha, beta float64
	a, b        operand
}

type operand struct {
	input bool
	at    int
}

func (g *grower) grow(root int) {
	g.absorb(root)
	g.absorbed = g.absorbed[1:] // the root stays
	n := len(g.chain.Inputs)
	register := func(o operand) int {
		if o.input {
			return o.at
		}
		return n + o.at
	}
	for _, op := range g.ops {
		g.chain.Ops = append(g.chain.Ops, ChainOp{op.kind, op.alpha, op.beta, register(op.a), register(op.b)})
	}
}

func (g *grower) absorb(i int) operand {
	in := g.p.Instrs[i]
	g.absorbed = append(g.absorbed, i)
	op := treeOp{kind: in.Kind, alpha: in.Attrs.Alpha, beta: in.Attrs.Beta}
	op.a = g.operand(in.In[0])
	if arity[in.Kind] == 2 {
		op.b = g.operand(in.In[1])
	}
	g.ops = append(g.ops, op)
	return operand{at: len(g.ops) - 1}
}

// operand turns a value into a register: the result of an absorbed instruction, or an input.
func (g *grower) operand(id ID) operand {
	at := g.by[id]
	room := len(g.ops)+len(g.chain.Inputs)+len(g.absorbed) < maxChain
	if at >= 0 && g.p.Values[id].Store == id {
		in := g.p.Instrs[at]
		if room && g.count[id] == 1 && arity[in.Kind] > 0 && slices.Equal(g.p.Values[id].Shape, g.shape) {
			return g.absorb(at)
		}
		if in.Kind == expr.Broadcast {
			if repeat, ok := g.repeats(in.In[0]); ok {
				if g.count[id]--; g.count[id] == 0 {
					g.absorbed = append(g.absorbed, at)
				}
				return g.input(in.In[0], repeat)
			}
		}
	}
	return g.input(id, Full)
}

// repeats says how x spreads over the chain's result, where that is one of the ways a chain knows.
func (g *grower) repeats(x ID) (Repeat, bool) {
	s := g.p.Values[x].Shape
	rows, cols := g.chain.Rows, g.chain.Cols
	last := len(g.shape) - 1
	switch {
	case s.TotalSize() == 1:
		return Scalar, true
	case s.TotalSize() == cols && len(s) > 0 && s[len(s)-1] == cols:
		return Row, true
	case len(s) == len(g.shape) && s[last] == 1 && slices.Equal(s[:last], g.shape[:last]) && rows > 1:
		return Col, true
	}
	return 0, false
}

func (g *grower) input(id ID, repeat Repeat) operand {
	for i, known := range g.chain.Inputs {
		if known.Value == id && known.Repeat == repeat {
			return operand{input: true, at: i}
		}
	}
	g.chain.Inputs = append(g.chain.Inputs, ChainInput{id, repeat})
	return operand{input: true, at: len(g.chain.Inputs) - 1}
}

// String prints the chain as one expression, operands by number: `relu(affine(a1, -1, 1))`.
func (c *Chain) String() string {
	texts := make([]string, 0, len(c.Inputs)+len(c.Ops))
	for i, in := range c.Inputs {
		texts = append(texts, fmt.Sprintf("a%d%s", i, [...]string{"", ":scalar", ":row", ":col"}[in.Repeat]))
	}
	for _, op := range c.Ops {
		args := []string{texts[op.A]}
		if arity[op.Kind] == 2 {
			args = append(args, texts[op.B])
		}
		if op.Kind == expr.Affine {
			args = append(args, fmt.Sprintf("%g", op.Alpha), fmt.Sprintf("%g", op.Beta))
		}
		texts = append(texts, fmt.Sprintf("%s(%s)", op.Kind, strings.Join(args, ", ")))
	}
	return texts[len(texts)-1]
}
