package expr

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Shape is the length of each axis; a scalar has none.
type Shape = tensor.Shape

// Builder owns a graph and makes its nodes. It is not safe for concurrent use.
type Builder struct {
	graph  *gorgonia.ExprGraph
	inputs []Tensor
	names  map[string]bool
	locked bool // Grad holds the process-wide lock while gradients add their nodes
	graded bool // Grad was called
	err    error

	customs map[string]CustomOp // that were applied, by name
}

// serial numbers every application of an op in the process: Gorgonia takes two nodes for one when their ops have the
// same hash, whatever their children are.
var serial atomic.Uint32

// New makes an empty graph.
func New() *Builder {
	return &Builder{graph: gorgonia.NewGraph(), names: map[string]bool{}}
}

// Graph is the graph under construction.
func (b *Builder) Graph() *gorgonia.ExprGraph { return b.graph }

// Of is the tensor of a node of this graph, for those who walk it.
func (b *Builder) Of(n *gorgonia.Node) Tensor { return Tensor{n, b} }

// Err is the first error that any expression of this builder met.
func (b *Builder) Err() error { return b.err }

// Inputs lists the inputs in the order in which they were made.
func (b *Builder) Inputs() []Tensor { return b.inputs }

// Input makes a named input; the name must be new. No axis gives a scalar.
func (b *Builder) Input(name string, shape ...int) Tensor {
	switch {
	case name == "":
		return b.fail("input without a name")
	case b.names[name]:
		return b.fail("two inputs are named %q", name)
	}
	for _, d := range shape {
		if d < 1 {
			return b.fail("input %q has the shape %v; every axis must be at least 1", name, shape)
		}
	}
	b.names[name] = true
	var node *gorgonia.Node
	if len(shape) == 0 {
		node = gorgonia.NewScalar(b.graph, gorgonia.Float32, gorgonia.WithName(name))
	} else {
		node = gorgonia.NewTensor(b.graph, gorgonia.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
	}
	t := Tensor{node, b}
	b.inputs = append(b.inputs, t)
	return t
}

// Grad is the gradient of a scalar cost with respect to each of wrt; a zero Tensor where the cost does not depend on it,
// or only through a stop-gradient. A graph can be differentiated once: at a second call Gorgonia would silently return the
// first cost's gradients.
func (b *Builder) Grad(cost Tensor, wrt ...Tensor) ([]Tensor, error) {
	switch {
	case b.err != nil:
		return nil, b.err
	case b.graded:
		return nil, fmt.Errorf("the graph was differentiated before; sum the costs and differentiate once")
	case cost.node == nil || cost.b != b:
		return nil, fmt.Errorf("the cost belongs to no or to another graph")
	case len(cost.Shape()) != 0:
		return nil, fmt.Errorf("gradient of a tensor of shape %v; the cost must be a scalar", cost.Shape())
	}
	b.graded = true
	reached := reach(cost.node)
	var nodes gorgonia.Nodes
	for i, t := range wrt {
		if t.node == nil || t.b != b {
			return nil, fmt.Errorf("operand %d of the gradient belongs to no or to another graph", i)
		}
		if reached[t.node] {
			nodes = append(nodes, t.node)
		}
	}
	out := make([]Tensor, len(wrt))
	if len(nodes) == 0 {
		return out, nil
	}
	building.Lock()
	b.locked = true
	grads, err := gorgonia.Grad(cost.node, nodes...)
	b.locked = false
	building.Unlock()
	if err == nil {
		err = b.err
	}
	if err != nil {
		return nil, fmt.Errorf("differentiate: %w", err)
	}
	for i, t := range wrt {
		if reached[t.node] {
			out[i], grads = Tensor{grads[0], b}, grads[1:]
		}
	}
	return out, nil
}

// reach marks the nodes on which a cost depends differentiably.
func reach(cost *gorgonia.Node) map[*gorgonia.Node]bool {
	reached := map[*gorgonia.Node]bool{cost: true}
	for queue := (gorgonia.Nodes{cost}); len(queue) > 0; queue = queue[1:] {
		op, differentiable := queue[0].Op().(*Op)
		if !differentiable {
			continue
		}
		wrt := op.DiffWRT(op.Arity())
		for i, child := range Children(queue[0]) {
			if wrt[i] && !reached[child] {
				reached[child] = true
				queue = append(queue, child)
			}
		}
	}
	return reached
}

// Apply adds an op of the set to the graph. The fluent methods of Tensor are the usual way; Apply serves what replays a
// program or rewrites a graph.
func (b *Builder) Apply(kind Kind, attrs Attrs, in ...Tensor) Tensor {
	if b.err != nil {
		return Tensor{b: b}
	}
	def, known := definitions[kind]
	if !known {
		return b.fail("unknown op %q", kind)
	}
	return b.apply(kind, attrs, def, nil, in...)
}

func (b *Builder) apply(kind Kind, attrs Attrs, def definition, code Code, in ...Tensor) Tensor {
	if b.err != nil {
		return Tensor{b: b}
	}
	if def.arity >= 0 && len(in) != def.arity && len(in) != def.arity+def.optional {
		return b.fail("%s takes %d operands, got %d", kind, def.arity, len(in))
	}
	shapes := make([]Shape, len(in))
	nodes := make(gorgonia.Nodes, len(in))
	for i, t := range in {
		if t.node == nil || t.b != b {
			return b.fail("%s: operand %d belongs to no or to another graph", kind, i)
		}
		shapes[i], nodes[i] = t.Shape(), t.node
	}
	out, err := def.shape(attrs, shapes)
	if err != nil {
		return b.fail("%s: %v", kind, err)
	}
	op := &Op{Kind: kind, Attrs: attrs, In: shapes, Out: out, def: def, code: code, b: b, serial: serial.Add(1)}
	if !b.locked {
		building.Lock()
		defer building.Unlock()
	}
	node, err := gorgonia.ApplyOp(op, nodes...)
	if err != nil {
		return b.fail("%s: %v", kind, err)
	}
	return Tensor{node, b}
}

// fail keeps the first error, with the first line outside this package and its layers.
func (b *Builder) fail(format string, args ...any) Tensor {
	if b.err == nil {
		b.err = &Error{Line: callerOutside(), Err: fmt.Errorf(format, args...)}
	}
	return Tensor{b: b}
}

// Fail records an error of a caller that builds on this package, such as a layer, where the builder has none yet.
func (b *Builder) Fail(err error) Tensor { return b.fail("%w", err) }

// Error is an error of an expression and the line of the author's code that wrote it.
type Error struct {
	Line string // file:line, or "" where it is not known
	Err  error
}

func (e *Error) Error() string {
	if e.Line == "" {
		return e.Err.Error()
	}
	return e.Line + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// callerOutside is the innermost line that is not the SDK's own.
func callerOutside() string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if !ownFunction(f.Function) {
			if f.File == "" {
				return ""
			}
			return fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
		}
		if !more {
			return ""
		}
	}
}

// ownFunction says whether a function belongs to the packages through which authors write expressions.
func ownFunction(name string) bool {
	const sdk = "github.com/sslctl/sslctl/sdk/"
	return strings.HasPrefix(name, sdk+"expr.") || strings.HasPrefix(name, sdk+"expr/nn.") || strings.HasPrefix(name, sdk+"method.") ||
		strings.HasPrefix(name, sdk+"backbone.")
}
