package cpu

import (
	"fmt"
	"math"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cpu/kernel"
	"github.com/sslctl/sslctl/sdk/expr"
)

// block is the number of elements that a chain handles at a time: a dozen registers of 4 KiB fit the second-level cache's
// fast part, and a vector call's cost is spread over 64 vectors.
const block = 1024

// maxRegisters is above what the compiler puts in a chain.
const maxRegisters = 48

var binaries = map[expr.Kind]kernel.Op{expr.Add: kernel.Add, expr.Sub: kernel.Sub, expr.Mul: kernel.Mul, expr.Div: kernel.Div}

var unaries = map[expr.Kind]kernel.Func{expr.Square: kernel.Square, expr.Sqrt: kernel.Sqrt, expr.Exp: kernel.Exp,
	expr.Log: kernel.Log, expr.Abs: kernel.Abs, expr.Reciprocal: kernel.Reciprocal, expr.ReLU: kernel.ReLU}

// chain evaluates a fused expression block by block; blocks are tasks, so bits do not depend on who runs them.
func (e *Executable) chain(in engine.Instr) (func(), error) {
	c, err := e.newChain(in)
	if err != nil {
		return nil, err
	}
	// Short rows are taken several to a task.
	c.rowsPerTask = max(1, block/c.cols)
	tasks := (c.rows + c.rowsPerTask - 1) / c.rowsPerTask * c.blocks
	task := c.task
	return func() { e.pool.Run(tasks, task) }, nil
}

// newChain prepares a chain for evaluation.
func (e *Executable) newChain(in engine.Instr) (*chainRun, error) {
	c := &chainRun{e: e, in: in, isa: e.pool.ISA()}
	if len(in.Chain.Inputs)+len(in.Chain.Ops) > maxRegisters {
		return nil, fmt.Errorf("chain of %d registers", len(in.Chain.Inputs)+len(in.Chain.Ops))
	}
	for _, op := range in.Chain.Ops {
		step := chainStep{ChainOp: op}
		var unary, binary bool
		step.unary, unary = unaries[op.Kind]
		step.binary, binary = binaries[op.Kind]
		switch {
		case unary:
			step.form = unaryForm
		case binary:
			step.form = binaryForm
		case op.Kind == expr.Affine:
			step.form = affineForm
		case op.Kind == expr.ReLUGrad:
			step.form = reluGradForm
		case op.Kind == expr.AbsGrad:
			step.form = absGradForm
		default:
			return nil, fmt.Errorf("no kernel for %s in a chain", op.Kind)
		}
		c.steps = append(c.steps, step)
	}
	// Where every operand is full or a scalar the matrix is one row.
	c.rows, c.cols = 1, in.Chain.Rows*in.Chain.Cols
	for _, input := range in.Chain.Inputs {
		if input.Repeat == engine.Row || input.Repeat == engine.Col {
			c.rows, c.cols = in.Chain.Rows, in.Chain.Cols
		}
	}
	c.blocks = (c.cols + block - 1) / block
	return c, nil
}

type chainForm uint8

const (
	unaryForm chainForm = iota
	binaryForm
	affineForm
	reluGradForm
	absGradForm
)

type chainStep struct {
	engine.ChainOp
	form   chainForm
	unary  kernel.Func
	binary kernel.Op
}

type chainRun struct {
	e                               *Executable
	in                              engine.Instr
	isa                             kernel.ISA
	steps                           []chainStep
	rows, cols, blocks, rowsPerTask int
}

// register is a block of numbers, or one number that stands for all.
type register struct {
	v      []float32
	s      float32
	scalar bool
}

func (c *chainRun) scratch(worker int) []float32 {
	return c.e.pool.Scratch(worker, (len(c.in.Chain.Inputs)+len(c.steps))*block)
}

func (c *chainRun) task(worker, task int) {
	scratch := c.scratch(worker)
	first := task / c.blocks * c.rowsPerTask
	lo := task % c.blocks * block
	hi := min(lo+block, c.cols)
	for row := first; row < min(first+c.rowsPerTask, c.rows); row++ {
		c.evaluate(row, lo, hi, scratch)
	}
}

// numbers evaluates numbers [lo, hi) of a chain of one row.
func (c *chainRun) numbers(worker, lo, hi int) {
	scratch := c.scratch(worker)
	for ; lo < hi; lo += block {
		c.evaluate(0, lo, min(hi, lo+block), scratch)
	}
}

func (c *chainRun) evaluate(row, lo, hi int, scratch []float32) {
	var regs [maxRegisters]register
	from, to := row*c.cols+lo, row*c.cols+hi
	for i, input := range c.in.Chain.Inputs {
		data := c.e.data[input.Value]
		switch input.Repeat {
		case engine.Full:
			if half := c.e.halves[input.Value]; half != nil {
				regs[i].v = scratch[(len(c.steps)+i)*block:][:hi-lo]
				c.isa.Widen(regs[i].v, half[from:to])
			} else {
				regs[i].v = data[from:to]
			}
		case engine.Row:
			regs[i].v = data[lo:hi]
		case engine.Col:
			regs[i] = register{s: data[row], scalar: true}
		case engine.Scalar:
			regs[i] = register{s: data[0], scalar: true}
		}
	}
	n, last := len(c.in.Chain.Inputs), len(c.steps)-1
	half, out := c.e.halves[c.in.Out[0]], scratch[last*block:][:hi-lo]
	if half == nil {
		out = c.e.data[c.in.Out[0]][from:to]
	}
	for i := range c.steps {
		dst := scratch[i*block : i*block+hi-lo]
		if i == last {
			dst = out
		}
		regs[n+i] = c.apply(&c.steps[i], dst, regs[c.steps[i].A], regs[c.steps[i].B])
	}
	if result := regs[n+last]; result.scalar {
		for i := range out {
			out[i] = result.s
		}
	}
	if half != nil {
		c.isa.Narrow(half[from:to], out)
	}
}

// apply runs one op into dst, or on numbers where every operand is one.
func (c *chainRun) apply(s *chainStep, dst []float32, a, b register) register {
	switch s.form {
	case unaryForm:
		if a.scalar {
			return number(unaryNumber(s.Kind, a.s))
		}
		c.isa.Unary(s.unary, dst, a.v)
	case affineForm:
		if a.scalar {
			return number(s.Alpha*float64(a.s) + s.Beta)
		}
		c.isa.Affine(dst, a.v, float32(s.Alpha), float32(s.Beta))
	case binaryForm:
		switch {
		case a.scalar && b.scalar:
			return number(binaryNumber(s.Kind, a.s, b.s))
		case b.scalar:
			c.isa.Scalar(s.binary, dst, a.v, b.s)
		case a.scalar:
			c.isa.Scalar(swapped(s.binary), dst, b.v, a.s)
		default:
			c.isa.Binary(s.binary, dst, a.v, b.v)
		}
	case reluGradForm:
		if !a.scalar && !b.scalar {
			c.isa.ReLUGrad(dst, a.v, b.v)
		} else {
			eachPair(dst, a, b, func(g, y float32) float32 {
				if y > 0 {
					return g
				}
				return 0
			})
		}
	case absGradForm:
		eachPair(dst, a, b, func(g, x float32) float32 {
			switch {
			case x > 0:
				return g
			case x < 0:
				return -g
			}
			return 0
		})
	}
	return register{v: dst}
}

// swapped is the op for a number on the left: b - a, b / a.
func swapped(op kernel.Op) kernel.Op {
	switch op {
	case kernel.Sub:
		return kernel.SubFrom
	case kernel.Div:
		return kernel.DivInto
	}
	return op
}

func eachPair(dst []float32, a, b register, f func(a, b float32) float32) {
	for i := range dst {
		x, y := a.s, b.s
		if !a.scalar {
			x = a.v[i]
		}
		if !b.scalar {
			y = b.v[i]
		}
		dst[i] = f(x, y)
	}
}

func number(x float64) register { return register{s: float32(x), scalar: true} }

func unaryNumber(kind expr.Kind, s float32) float64 {
	x := float64(s)
	switch kind {
	case expr.Square:
		return x * x
	case expr.Sqrt:
		return math.Sqrt(x)
	case expr.Exp:
		return math.Exp(x)
	case expr.Log:
		return math.Log(x)
	case expr.Abs:
		return math.Abs(x)
	case expr.Reciprocal:
		return 1 / x
	}
	return max(x, 0)
}

func binaryNumber(kind expr.Kind, s, t float32) float64 {
	a, b := float64(s), float64(t)
	switch kind {
	case expr.Add:
		return a + b
	case expr.Sub:
		return a - b
	case expr.Mul:
		return a * b
	}
	return a / b
}
