// Package kernels turns the instructions of a plan into launches of CUDA kernels. It knows no driver: a [Call] says which
// kernel runs on which grid with which arguments, and what must be compiled is text.
//
// Kernels are C++ templates in cu, one file a family. What an instruction needs of them is instantiated in generated text:
// chains of elementwise ops as functions, storage types and vector widths as template arguments. A device lowers all
// [Groups] of a plan with [Lower], compiles the [Unit] of all their sources at once, and launches the calls in order.
//
// A sum's order is decided by shapes alone and nothing is added atomically: the same inputs give the same bits. Storage is
// float32 or bf16, arithmetic float32. Every op of sdk/expr has a kernel but those that the plan turns into views, and custom
// ops, which their plugin computes.
//
// # What bounds them
//
// All but products are bound by memory, which threads access in pieces of 16 bytes where a shape allows it. Passes over a tensor
// of activations, of 4 bytes an element in float32 and 2 in bf16:
//
//	chain            an operand of that size each, and the result; summed at once, no result
//	bn_stats         1
//	bn_apply         2, with a residual 3; ReLU costs none
//	bn_reduce        2, with ReLU's mask 3
//	bn_grad          3, with the mask 4; 1 more where others need the masked gradient
//	max_pool         1 and the result; its gradient reads x and g and writes 1
//
// So batch norm with ReLU takes 3 passes forward and 7 backward beside the convolutions. Products without cublasLt or cuDNN run on
// the float units of the GPU, not on its tensor cores.
package kernels

import (
	"fmt"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/sdk/expr"
)

// Lowered is an instruction as launches, which run in this order.
type Lowered struct {
	Calls []Call
	// Scratch lists the buffers that the calls share, in bytes, aligned to 16. They are not read before they are written, and
	// no longer needed after the last call.
	Scratch []int
	// Source are the texts that hold the calls' kernels, for [Unit].
	Source []string
}

// Call is one launch of a kernel. No kernel asks for dynamic shared memory.
type Call struct {
	Kernel      string
	Grid, Block Extent
	Args        []Arg
}

// Extent is the size of a grid in blocks or of a block in threads, along x, y and z.
type Extent [3]uint32

// Arg is an argument of a kernel: an [Address], [Scratch], [Table], [Int32], [Int64] or [Float32].
type Arg interface {
	// cType is the type of the kernel's parameter.
	cType(p *engine.Plan) string
}

// Address is where a value lives. It is aligned to 16 bytes.
type Address engine.ID

// Scratch is where a buffer of Lowered.Scratch lives, by its number.
type Scratch int

// Table is where an array of 8-byte words lives that the device writes once: addresses of values, and Int64s.
type Table []Arg

// Int32 is an int.
type Int32 int32

// Int64 is a long long.
type Int64 int64

// Float32 is a float.
type Float32 float32

func (a Address) cType(p *engine.Plan) string { return storage(p, engine.ID(a)) + "*" }
func (Scratch) cType(*engine.Plan) string     { return "float*" }
func (Table) cType(*engine.Plan) string       { return "const long long*" }
func (Int32) cType(*engine.Plan) string       { return "int" }
func (Int64) cType(*engine.Plan) string       { return "long long" }
func (Float32) cType(*engine.Plan) string     { return "float" }

// Lower turns an instruction of a plan into launches, or several that [Groups] has put together. It fails on what no kernel
// computes: a custom op.
func Lower(p *engine.Plan, instrs ...int) (Lowered, error) {
	last := p.Instrs[instrs[len(instrs)-1]]
	l := &lowering{p: p, in: last}
	lower, ok := lowerings[last.Kind]
	switch {
	case !ok:
		return Lowered{}, fmt.Errorf("instruction %d: %s has no CUDA kernel", instrs[0], last.Kind)
	case len(instrs) == 1:
	case last.Kind == expr.Sum && p.Instrs[instrs[0]].Kind == engine.Fused:
		lower = func(l *lowering) error { return l.sumChain(p.Instrs[instrs[0]].Chain) }
	default:
		lower = func(l *lowering) error { return l.many(instrs) }
	}
	if err := lower(l); err != nil {
		return Lowered{}, fmt.Errorf("instruction %d: %w", instrs[0], err)
	}
	return l.out, nil
}

// lowerings are what Lower knows.
var lowerings = map[expr.Kind]func(*lowering) error{
	engine.Constant: (*lowering).constant, engine.Fused: (*lowering).chain,
	expr.Broadcast: (*lowering).broadcast, expr.Transpose: (*lowering).transpose, expr.Slice: (*lowering).slice,
	expr.Embed: (*lowering).embed, expr.Concat: (*lowering).concat, expr.Gather: (*lowering).gather, expr.ScatterAdd: (*lowering).scatterAdd,
	expr.Sum: (*lowering).sum, expr.MatMul: (*lowering).matmul, expr.Diagonal: (*lowering).diagonal,
	expr.DiagEmbed: (*lowering).diagEmbed, expr.OffDiagonal: (*lowering).offDiagonal,
	expr.Softmax: (*lowering).softmax, expr.LogSoftmax: (*lowering).softmax,
	expr.Conv2D: (*lowering).conv2D, expr.Conv2DGradX: (*lowering).conv2DGradX, expr.Conv2DGradW: (*lowering).conv2DGradW,
	expr.BNStats: (*lowering).bnStats, expr.BNApply: (*lowering).bnApply, expr.BNReduce: (*lowering).bnReduce, expr.BNGrad: (*lowering).bnGrad,
	expr.MaxPool: (*lowering).maxPool, expr.MaxPoolGrad: (*lowering).maxPoolGrad,
	expr.AvgPool: (*lowering).avgPool, expr.AvgPoolGrad: (*lowering).avgPoolGrad,
}
