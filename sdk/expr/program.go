package expr

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
)

// Program is an expression as data: what a plugin sends to the host and what a run folder keeps. Values are numbered:
// the inputs first, then the result of each step.
type Program struct {
	Inputs  []Port
	Steps   []Step
	Outputs []Output

	// Ops is the code of the custom ops, by name: of the author's in the process that wrote the program, of a
	// connection to that process in the host. It does not travel; a program can be built without it, but not computed.
	Ops map[string]Code
}

// Port is a named input.
type Port struct {
	Name  string
	Shape Shape
}

// Step applies an op to earlier values.
type Step struct {
	Kind  Kind
	Attrs Attrs
	In    []int
	Shape Shape // of the result; checked, never trusted
}

// Output names a value.
type Output struct {
	Name  string
	Value int
}

// The limits of a program that the host accepts.
const (
	MaxSteps    = 10_000
	MaxInputs   = 1_000
	MaxOutputs  = 1_000
	MaxRank     = 8
	MaxIndex    = 1 << 20 // indices of a gather
	MaxOperands = 1_000
	MaxElements = 1 << 34 // of all results together: 64 GiB of float32 if none were reused
)

// Named is an output under construction.
type Named struct {
	Name  string
	Value Tensor
}

// Program extracts what computes the outputs. The builder must not have been differentiated.
func (b *Builder) Program(outputs ...Named) (*Program, error) {
	if b.err != nil {
		return nil, b.err
	}
	p := &Program{}
	id := map[*gorgonia.Node]int{}
	for _, t := range b.inputs {
		id[t.node] = len(p.Inputs)
		p.Inputs = append(p.Inputs, Port{Name: t.node.Name(), Shape: t.Shape().Clone()})
	}
	var visit func(n *gorgonia.Node) (int, error)
	visit = func(n *gorgonia.Node) (int, error) {
		if at, done := id[n]; done {
			return at, nil
		}
		op, ours := n.Op().(*Op)
		if !ours {
			return 0, fmt.Errorf("node %v is not of the op set", n)
		}
		var in []int
		for _, child := range Children(n) {
			at, err := visit(child)
			if err != nil {
				return 0, err
			}
			in = append(in, at)
		}
		id[n] = len(p.Inputs) + len(p.Steps)
		p.Steps = append(p.Steps, Step{Kind: op.Kind, Attrs: op.Attrs, In: in, Shape: op.Out.Clone()})
		return id[n], nil
	}
	if len(b.customs) > 0 {
		p.Ops = b.Ops()
	}
	for _, o := range outputs {
		if o.Value.node == nil || o.Value.b != b {
			return nil, fmt.Errorf("output %q belongs to no or to another graph", o.Name)
		}
		at, err := visit(o.Value.node)
		if err != nil {
			return nil, err
		}
		p.Outputs = append(p.Outputs, Output{Name: o.Name, Value: at})
	}
	return p, nil
}

// Children are the operands of a node, in order and with repetitions.
func Children(n *gorgonia.Node) gorgonia.Nodes {
	var children gorgonia.Nodes
	for it := n.Graph().From(n.ID()); it.Next(); {
		children = append(children, it.Node().(*gorgonia.Node))
	}
	return children
}

// Build replays the program on a builder over the given inputs, and returns its outputs by name. It is the validator:
// whatever the program claims, shapes are inferred anew, and the first contradiction is the error.
func (p *Program) Build(b *Builder, inputs map[string]Tensor) (map[string]Tensor, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	values := make([]Tensor, 0, len(p.Inputs)+len(p.Steps))
	for _, port := range p.Inputs {
		t, ok := inputs[port.Name]
		if !ok {
			return nil, fmt.Errorf("the program reads %q, which is not available; there are %s", port.Name, strings.Join(sortedNames(inputs), ", "))
		}
		if !alike(t.Shape(), port.Shape) {
			return nil, fmt.Errorf("the program takes %q as %v, it is %v", port.Name, port.Shape, t.Shape())
		}
		values = append(values, t)
	}
	for i, step := range p.Steps {
		operands := make([]Tensor, len(step.In))
		for j, at := range step.In {
			operands[j] = values[at]
		}
		t := p.apply(b, step, operands)
		if b.Err() != nil {
			return nil, fmt.Errorf("step %d: %w", i, b.Err())
		}
		if !alike(t.Shape(), step.Shape) {
			return nil, fmt.Errorf("step %d: %s gives %v, the program claims %v", i, step.Kind, t.Shape(), step.Shape)
		}
		values = append(values, t)
	}
	outputs := make(map[string]Tensor, len(p.Outputs))
	for _, o := range p.Outputs {
		outputs[o.Name] = values[o.Value]
	}
	return outputs, nil
}

func (p *Program) apply(b *Builder, step Step, operands []Tensor) Tensor {
	if isCustom(step.Kind) {
		return b.applyCustom(step.Kind, step.Attrs, p.Ops[step.Attrs.Custom], operands...)
	}
	return b.Apply(step.Kind, step.Attrs, operands...)
}

// Validate checks everything that can be checked without inferring shapes: sizes, names and the order of values.
func (p *Program) Validate() error {
	switch {
	case len(p.Inputs) > MaxInputs || len(p.Steps) > MaxSteps || len(p.Outputs) > MaxOutputs:
		return fmt.Errorf("program of %d inputs, %d steps and %d outputs exceeds the limits of %d, %d and %d",
			len(p.Inputs), len(p.Steps), len(p.Outputs), MaxInputs, MaxSteps, MaxOutputs)
	case len(p.Outputs) == 0:
		return fmt.Errorf("program without an output")
	}
	names := map[string]bool{}
	for _, port := range p.Inputs {
		if port.Name == "" || names[port.Name] {
			return fmt.Errorf("input name %q is empty or stands twice", port.Name)
		}
		names[port.Name] = true
		if err := bounded(port.Shape); err != nil {
			return fmt.Errorf("input %q: %w", port.Name, err)
		}
	}
	elements := 0
	for i, step := range p.Steps {
		if err := step.validate(len(p.Inputs) + i); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		if elements += size(step.Shape); elements > MaxElements {
			return fmt.Errorf("step %d: results of %d elements so far exceed the limit of %d", i, elements, MaxElements)
		}
	}
	names = map[string]bool{}
	for _, o := range p.Outputs {
		if o.Name == "" || names[o.Name] {
			return fmt.Errorf("output name %q is empty or stands twice", o.Name)
		}
		names[o.Name] = true
		if o.Value < 0 || o.Value >= len(p.Inputs)+len(p.Steps) {
			return fmt.Errorf("output %q: there is no value %d", o.Name, o.Value)
		}
	}
	return nil
}

// validate checks a step that may read the values below a number.
func (s Step) validate(values int) error {
	a := s.Attrs
	if isCustom(s.Kind) {
		if err := customName(a.Custom); err != nil {
			return err
		}
	}
	switch _, known := definitions[s.Kind]; {
	case !known && !isCustom(s.Kind):
		return fmt.Errorf("unknown op %q in op set %d", s.Kind, OpSet)
	case len(s.In) > MaxOperands:
		return fmt.Errorf("%d operands exceed the limit of %d", len(s.In), MaxOperands)
	case len(a.Index) > MaxIndex || len(a.Axes) > MaxRank || len(a.Shape) > MaxRank:
		return fmt.Errorf("%d indices, %d axes and a shape of %d axes exceed the limits of %d, %d and %d",
			len(a.Index), len(a.Axes), len(a.Shape), MaxIndex, MaxRank, MaxRank)
	case !finite(a.Alpha) || !finite(a.Beta) || !finite(a.Eps):
		return fmt.Errorf("alpha %g, beta %g and eps %g are not all finite", a.Alpha, a.Beta, a.Eps)
	}
	for _, at := range s.In {
		if at < 0 || at >= values {
			return fmt.Errorf("reads value %d, which is not computed before it", at)
		}
	}
	return bounded(s.Shape)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func bounded(s Shape) error {
	if len(s) > MaxRank {
		return fmt.Errorf("shape of %d axes; at most %d", len(s), MaxRank)
	}
	return positive(s)
}

func sortedNames(m map[string]Tensor) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// String is the readable form, a line a value: `%4 = matmul(%0, %1) {trans_b} [256 512]`.
func (p *Program) String() string {
	var s strings.Builder
	for i, port := range p.Inputs {
		fmt.Fprintf(&s, "%%%d = input %q %v\n", i, port.Name, port.Shape)
	}
	for i, step := range p.Steps {
		operands := make([]string, len(step.In))
		for j, at := range step.In {
			operands[j] = fmt.Sprintf("%%%d", at)
		}
		fmt.Fprintf(&s, "%%%d = %s(%s)%s %v\n", len(p.Inputs)+i, step.Kind, strings.Join(operands, ", "), step.Attrs, step.Shape)
	}
	for _, o := range p.Outputs {
		fmt.Fprintf(&s, "output %q = %%%d\n", o.Name, o.Value)
	}
	return s.String()
}

// String shows the attributes that differ from their zero value, as ` {stride=2 pad=1}`.
func (a Attrs) String() string {
	var parts []string
	number := func(name string, v float64) {
		if v != 0 {
			parts = append(parts, fmt.Sprintf("%s=%g", name, v))
		}
	}
	list := func(name string, v []int) {
		if len(v) > 0 {
			parts = append(parts, fmt.Sprintf("%s=%v", name, v))
		}
	}
	flag := func(name string, v bool) {
		if v {
			parts = append(parts, name)
		}
	}
	number("alpha", a.Alpha)
	number("beta", a.Beta)
	list("axes", a.Axes)
	flag("keep", a.Keep)
	list("shape", a.Shape)
	number("axis", float64(a.Axis))
	number("start", float64(a.Start))
	number("stop", float64(a.Stop))
	flag("trans_a", a.TransA)
	flag("trans_b", a.TransB)
	number("kernel", float64(a.Kernel))
	number("stride", float64(a.Stride))
	number("pad", float64(a.Pad))
	number("groups", float64(a.Groups))
	number("eps", a.Eps)
	list("index", a.Index)
	if a.Custom != "" {
		parts = append(parts, "op="+a.Custom)
	}
	if len(parts) == 0 {
		return ""
	}
	return " {" + strings.Join(parts, " ") + "}"
}
