package expr

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
)

// A custom op is code of an author's own where the op set cannot express a term. It is not part of the set: a program
// names it, and the plugin that wrote the program computes it at every step.
const (
	Custom     Kind = "custom"      // inputs... -> [n]: its outputs, flat, one after another
	CustomGrad Kind = "custom_grad" // (inputs..., outputs, g) -> [m]: the gradients of the inputs, likewise
)

// Array is a dense tensor in row-major order. A scalar has no axis and one element.
type Array struct {
	Shape Shape
	Data  []float32
}

// CustomOp is an op that an author brings along, applied by [Builder.Custom]. It runs in the plugin's process, once
// forward and once backward at each training step, and is a function of its inputs alone: the same numbers give the same
// bits, at any time and in any order of calls, or runs are not reproducible. Fields of the implementation are its
// constants. An error ends the run, with the checkpoint of the step before.
type CustomOp interface {
	// Name identifies the op in its plugin: a lower-case letter, then letters, digits, "-" and "_", at most 64.
	Name() string
	// Shapes is the shape rule: the shapes of the outputs for those of the inputs.
	Shapes(in []Shape) ([]Shape, error)
	// Forward fills the outputs, which are zero, from the inputs, which it leaves alone.
	Forward(in, out []Array) error
	// Backward fills into, which is zero: for each input the gradient of a scalar whose gradient with respect to the
	// outputs is grad. out is what Forward made of in.
	Backward(in, out, grad, into []Array) error
}

// Code is a custom op over flat memory: what computes a program's custom ops, here or in another process. Slices of
// inputs have the given shapes; out, grad and into hold what belongs to several tensors one after another.
type Code interface {
	Forward(shapes []Shape, in [][]float32, out []float32) error
	Backward(shapes []Shape, in [][]float32, out, grad, into []float32) error
}

// Shared is a Code that works in memory which its plugin sees too.
type Shared interface {
	Code
	// Share lends the memory until release is called, be the plugin there or not: a call's operands lie in it one after
	// another, and its result behind them. Forward and Backward copy no tensor that lies in its place already. None where
	// tensors travel in messages; release may be called even so.
	Share() (memory []float32, release func())
}

// Outputs are the results of a custom op.
type Outputs struct {
	b    *Builder
	list []Tensor
}

// At is an output by number; an error of the builder where there is none.
func (o Outputs) At(i int) Tensor {
	if i < 0 || i >= len(o.list) {
		return o.b.fail("there is no output %d; the custom op has %d", i, len(o.list))
	}
	return o.list[i]
}

// Custom applies an op of the author's own. Ops of one name must be equal, fields and all.
func (b *Builder) Custom(op CustomOp, in ...Tensor) Outputs {
	outputs := Outputs{b: b}
	if b.err != nil {
		return outputs
	}
	shapes := make([]Shape, len(in))
	for i, t := range in {
		if t.node == nil || t.b != b {
			b.fail("custom op: input %d belongs to no or to another graph", i)
			return outputs
		}
		shapes[i] = t.Shape()
	}
	out, n, err := outputsOf(op, shapes)
	if err == nil {
		err = b.adopt(op)
	}
	if err != nil {
		b.fail("custom op: %w", err)
		return outputs
	}
	flat := b.applyCustom(Custom, Attrs{Custom: op.Name(), Shape: []int{n}}, local{op}, in...)
	outputs.list = flat.divide(out)
	return outputs
}

// Ops are the custom ops that were applied, by name: what a program of this builder needs to be computed.
func (b *Builder) Ops() map[string]Code {
	out := make(map[string]Code, len(b.customs))
	for name, op := range b.customs {
		out[name] = local{op}
	}
	return out
}

func (b *Builder) adopt(op CustomOp) error {
	if err := customName(op.Name()); err != nil {
		return err
	}
	if b.customs == nil {
		b.customs = map[string]CustomOp{}
	}
	if known, ok := b.customs[op.Name()]; ok && !reflect.DeepEqual(known, op) {
		return fmt.Errorf("two ops are named %q and differ", op.Name())
	}
	b.customs[op.Name()] = op
	return nil
}

// outputsOf checks the shape rule; n is the number of all elements.
func outputsOf(op CustomOp, in []Shape) (out []Shape, n int, err error) {
	if out, err = op.Shapes(in); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", op.Name(), err)
	}
	if len(out) == 0 {
		return nil, 0, fmt.Errorf("%s has no output", op.Name())
	}
	for _, s := range out {
		if err := bounded(s); err != nil {
			return nil, 0, fmt.Errorf("%s: output: %w", op.Name(), err)
		}
		n += size(s)
	}
	return out, n, nil
}

// divide cuts a vector into tensors of the given shapes.
func (t Tensor) divide(shapes []Shape) []Tensor {
	out := make([]Tensor, len(shapes))
	at := 0
	for i, s := range shapes {
		part := t
		if len(shapes) > 1 {
			part = t.Slice(0, at, at+size(s))
		}
		out[i] = part.Reshape(s...)
		at += size(s)
	}
	return out
}

// applyCustom is Apply with the code that computes the op; nil where the plugin is not connected.
func (b *Builder) applyCustom(kind Kind, a Attrs, code Code, in ...Tensor) Tensor {
	if err := customName(a.Custom); err != nil {
		return b.fail("%w", err)
	}
	def := customs()[kind]
	return b.apply(kind, a, def, code, in...)
}

func isCustom(kind Kind) bool { return kind == Custom || kind == CustomGrad }

// CustomOps lists the names of the custom ops that the program needs, in alphabetical order; none for most programs.
func (p *Program) CustomOps() []string {
	names := map[string]bool{}
	for _, step := range p.Steps {
		if isCustom(step.Kind) {
			names[step.Attrs.Custom] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// customNames are the names of custom ops.
var customNames = regexp.MustCompile(`^[a-z][A-Za-z0-9_-]{0,63}$`)

func customName(name string) error {
	if !customNames.MatchString(name) {
		return fmt.Errorf("%q is no name of a custom op: a lower-case letter, then letters, digits, - and _, at most 64", name)
	}
	return nil
}

func customs() map[Kind]definition {
	return map[Kind]definition{
		Custom: {arity: -1,
			shape: func(a Attrs, in []Shape) (Shape, error) {
				if len(in) == 0 || len(a.Shape) != 1 {
					return nil, fmt.Errorf("%d inputs and the result %v; at least one input and a vector", len(in), a.Shape)
				}
				return Shape(a.Shape).Clone(), positive(a.Shape)
			},
			grad: func(o *Op, in []Tensor, out, g Tensor) []Tensor {
				total := 0
				for _, s := range o.In {
					total += size(s)
				}
				a := Attrs{Custom: o.Attrs.Custom, Shape: []int{total}}
				flat := o.b.applyCustom(CustomGrad, a, o.code, append(slices.Clone(in), out, g)...)
				return flat.divide(o.In)
			}},
		CustomGrad: {arity: -1,
			shape: func(a Attrs, in []Shape) (Shape, error) {
				if len(in) < 3 || len(a.Shape) != 1 {
					return nil, fmt.Errorf("%d operands and the result %v; at least three operands and a vector", len(in), a.Shape)
				}
				total := 0
				inputs, out, g := in[:len(in)-2], in[len(in)-2], in[len(in)-1]
				for _, s := range inputs {
					total += size(s)
				}
				if len(out) != 1 || !alike(out, g) || a.Shape[0] != total {
					return nil, fmt.Errorf("outputs %v, their gradient %v and %d elements for inputs of %d", out, g, a.Shape[0], total)
				}
				return Shape{total}, nil
			}},
	}
}

// Share is the memory that a custom op works in, see [Shared]; none for most.
func (o *Op) Share() (memory []float32, release func()) {
	if s, ok := o.code.(Shared); ok {
		return s.Share()
	}
	return nil, func() {}
}

// run computes a custom op.
func (o *Op) run(out []float32, in [][]float32) error {
	if o.code == nil {
		return fmt.Errorf("custom op %q: it is computed by its plugin, which is not connected", o.Attrs.Custom)
	}
	var err error
	if o.Kind == Custom {
		err = o.code.Forward(o.In, in, out)
	} else {
		n := len(in) - 2
		err = o.code.Backward(o.In[:n], in[:n], in[n], in[n+1], out)
	}
	if err != nil {
		return fmt.Errorf("custom op %q: %w", o.Attrs.Custom, err)
	}
	return nil
}

// local runs an author's op in this process.
type local struct{ op CustomOp }

var _ Code = local{}

// Forward computes the outputs.
func (l local) Forward(shapes []Shape, in [][]float32, out []float32) error {
	outShapes, err := l.demand(shapes, in, out)
	if err != nil {
		return err
	}
	clear(out)
	return l.op.Forward(arrays(shapes, in), parts(outShapes, out))
}

// Backward computes the gradients of the inputs.
func (l local) Backward(shapes []Shape, in [][]float32, out, grad, into []float32) error {
	outShapes, err := l.demand(shapes, in, out)
	if err != nil {
		return err
	}
	total := 0
	for _, s := range shapes {
		total += size(s)
	}
	if len(grad) != len(out) || len(into) != total {
		return fmt.Errorf("gradients of %d and %d elements for outputs of %d and inputs of %d", len(grad), len(into), len(out), total)
	}
	clear(into)
	return l.op.Backward(arrays(shapes, in), parts(outShapes, out), parts(outShapes, grad), parts(shapes, into))
}

// demand checks memory against the shape rule.
func (l local) demand(shapes []Shape, in [][]float32, out []float32) ([]Shape, error) {
	if len(shapes) != len(in) {
		return nil, fmt.Errorf("%d inputs of %d shapes", len(in), len(shapes))
	}
	for i, s := range shapes {
		if len(in[i]) != size(s) {
			return nil, fmt.Errorf("input %d has %d elements, its shape is %v", i, len(in[i]), s)
		}
	}
	outShapes, n, err := outputsOf(l.op, shapes)
	if err == nil && len(out) != n {
		err = fmt.Errorf("%d elements for outputs of %d", len(out), n)
	}
	return outShapes, err
}

func arrays(shapes []Shape, data [][]float32) []Array {
	out := make([]Array, len(shapes))
	for i, s := range shapes {
		out[i] = Array{s, data[i]}
	}
	return out
}

func parts(shapes []Shape, flat []float32) []Array {
	out := make([]Array, len(shapes))
	for i, s := range shapes {
		n := size(s)
		out[i], flat = Array{s, flat[:n:n]}, flat[n:]
	}
	return out
}
