package expr

import (
	"fmt"
	"hash"
	"sync"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Kind names an op of the set.
type Kind string

// Attrs are the constants of an op; which of them count is said by the op. The zero value is right for most.
type Attrs struct {
	Alpha, Beta    float64 // affine: alpha*x + beta
	Axes           []int   // sum: axes summed over
	Keep           bool    // sum: keep the axes with length 1
	Shape          []int   // reshape, broadcast, pools and scattering gradients: the resulting shape or extent
	Axis           int     // slice, concat
	Start, Stop    int     // slice: half-open range
	TransA, TransB bool    // matmul
	Kernel         int     // maxpool: side of the window
	Stride, Pad    int     // conv2d, maxpool
	Groups         int     // batch norm: number of groups of the batch axis with statistics of their own
	Eps            float64 // batch norm
	Index          []int   // gather, scatter
	Custom         string  // custom ops: the name of the op in its plugin
}

// Op is one application of an op: a Gorgonia op with symbolic gradient, whose Do is the plain reference.
type Op struct {
	Kind  Kind
	Attrs Attrs
	In    []Shape
	Out   Shape

	def    definition
	code   Code // of a custom op; nil where its plugin is not connected
	b      *Builder
	serial uint32
}

// definition is what the set knows of a kind.
type definition struct {
	arity    int // -1: any number
	optional int // operands that may follow
	shape    func(a Attrs, in []Shape) (Shape, error)
	// grad is the gradient with respect to each operand, a zero Tensor where there is none. nil: not differentiable.
	grad func(o *Op, in []Tensor, out, g Tensor) []Tensor
	// wrt says which operands have a gradient; nil with a grad: all.
	wrt []bool
	do  func(o *Op, out []float32, in [][]float32) // nil: a custom op
}

var _ gorgonia.SDOp = (*Op)(nil)

// building guards Gorgonia's process-wide type pools, which race when two graphs are built at once.
var building sync.Mutex

// Arity is the number of operands.
func (o *Op) Arity() int { return len(o.In) }

// Type is a fresh function type at each call: Gorgonia returns it to a pool.
func (o *Op) Type() hm.Type {
	types := make([]hm.Type, 0, len(o.In)+1)
	for _, s := range o.In {
		types = append(types, typeOf(s))
	}
	return hm.NewFnType(append(types, typeOf(o.Out))...)
}

func typeOf(s Shape) hm.Type {
	if s.Dims() == 0 {
		return tensor.Float32
	}
	return gorgonia.TensorType{Dims: s.Dims(), Of: tensor.Float32}
}

// InferShape is the shape that was found when the op was applied.
func (o *Op) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) { return o.Out.Clone(), nil }

// ReturnsPtr is false: a result is always fresh memory.
func (o *Op) ReturnsPtr() bool { return false }

// CallsExtern is false: the reference is Go.
func (o *Op) CallsExtern() bool { return false }

// OverwritesInput is -1: operands are left alone.
func (o *Op) OverwritesInput() int { return -1 }

// WriteHash writes what identifies this application.
func (o *Op) WriteHash(h hash.Hash) { fmt.Fprintf(h, "sslctl/%s/%d", o.Kind, o.serial) }

// Hashcode is unique to this application.
func (o *Op) Hashcode() uint32 { return o.serial }

func (o *Op) String() string { return string(o.Kind) }

// DiffWRT says which operands have a gradient.
func (o *Op) DiffWRT(n int) []bool {
	wrt := make([]bool, n)
	for i := range wrt {
		wrt[i] = o.def.grad != nil && (o.def.wrt == nil || o.def.wrt[i])
	}
	return wrt
}

// SymDiff adds the gradient's expression to the graph.
func (o *Op) SymDiff(in gorgonia.Nodes, out, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	operands := make([]Tensor, len(in))
	for i, n := range in {
		operands[i] = Tensor{n, o.b}
	}
	grads := o.def.grad(o, operands, Tensor{out, o.b}, Tensor{grad, o.b})
	if o.b.err != nil {
		return nil, o.b.err
	}
	nodes := make(gorgonia.Nodes, len(grads))
	for i, g := range grads {
		nodes[i] = g.node
	}
	return nodes, nil
}

// Do computes the op plainly: the meaning that every device must reproduce.
func (o *Op) Do(values ...gorgonia.Value) (gorgonia.Value, error) {
	in := make([][]float32, len(values))
	for i, v := range values {
		switch d := v.Data().(type) {
		case []float32:
			in[i] = d
		case float32:
			in[i] = []float32{d}
		default:
			return nil, fmt.Errorf("%s: operand %d is %T, not float32", o.Kind, i, d)
		}
	}
	out := make([]float32, o.Out.TotalSize())
	if err := o.Compute(out, in); err != nil {
		return nil, err
	}
	if o.Out.Dims() == 0 {
		return gorgonia.NewF32(out[0]), nil
	}
	return tensor.New(tensor.WithShape(o.Out...), tensor.WithBacking(out)), nil
}

// Compute is Do over flat memory; out is overwritten. Sums are kept in float64. Only a custom op can fail.
func (o *Op) Compute(out []float32, in [][]float32) error {
	if o.def.do == nil {
		return o.run(out, in)
	}
	o.def.do(o, out, in)
	return nil
}

// accumulate sums in float64 what ends in out.
func accumulate(out []float32, sum func(total []float64)) {
	total := make([]float64, len(out))
	sum(total)
	for i, t := range total {
		out[i] = float32(t)
	}
}
