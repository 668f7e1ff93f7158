package fromproto

import (
	"fmt"
	"math"
	"slices"

	"github.com/sslctl/sslctl/sdk/expr"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
	"github.com/sslctl/sslctl/sdk/wire/toproto"
)

// Version checks that this package can read a program; the error says what the program needs.
func Version(v *methodv1.ProgramVersion) error {
	if v.GetFormat() != toproto.Format {
		return fmt.Errorf("program of format %d; this sslctl reads format %d", v.GetFormat(), toproto.Format)
	}
	if len(v.GetOpSets()) == 0 {
		return fmt.Errorf("program that names no op set")
	}
	for _, set := range v.GetOpSets() {
		if set.GetVersion() < 1 || set.GetVersion() > newest(set.GetDomain()) {
			return fmt.Errorf("program needs op set %q version %d; this sslctl has %q up to version %d",
				set.GetDomain(), set.GetVersion(), toproto.Domain, expr.OpSet)
		}
	}
	return nil
}

// newest is the version of an op set that this package knows; 0 of one that it does not.
func newest(domain string) uint32 {
	switch domain {
	case toproto.Domain:
		return expr.OpSet
	case toproto.CustomDomain:
		return toproto.CustomOpSet
	}
	return 0
}

// custom checks that a program with custom ops says so.
func custom(v *methodv1.ProgramVersion, p *expr.Program) error {
	names := p.CustomOps()
	named := slices.ContainsFunc(v.GetOpSets(), func(s *methodv1.OpSet) bool { return s.GetDomain() == toproto.CustomDomain })
	if len(names) > 0 && !named {
		return fmt.Errorf("program with the custom op %q that does not name the op set %q", names[0], toproto.CustomDomain)
	}
	return nil
}

// Program reads an expression and validates it with [expr.Program.Validate].
func Program(m *methodv1.Program) (*expr.Program, error) {
	if m == nil {
		return nil, fmt.Errorf("the program is missing")
	}
	if err := Version(m.GetVersion()); err != nil {
		return nil, err
	}
	if n := len(m.GetSteps()); n > expr.MaxSteps {
		return nil, fmt.Errorf("program of %d steps; at most %d", n, expr.MaxSteps)
	}
	p := &expr.Program{}
	for _, port := range m.GetInputs() {
		s, err := shape(port.GetShape())
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", port.GetName(), err)
		}
		p.Inputs = append(p.Inputs, expr.Port{Name: port.GetName(), Shape: s})
	}
	for i, step := range m.GetSteps() {
		s, err := readStep(step)
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", i, err)
		}
		p.Steps = append(p.Steps, s)
	}
	for _, o := range m.GetOutputs() {
		at, err := id(o.GetValue())
		if err != nil {
			return nil, fmt.Errorf("output %q: %w", o.GetName(), err)
		}
		p.Outputs = append(p.Outputs, expr.Output{Name: o.GetName(), Value: at})
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return p, custom(m.GetVersion(), p)
}

func readStep(m *methodv1.Step) (expr.Step, error) {
	a, err := attrs(m.GetAttrs())
	if err != nil {
		return expr.Step{}, err
	}
	s, err := shape(m.GetShape())
	if err != nil {
		return expr.Step{}, err
	}
	in := make([]int, len(m.GetIn()))
	for i, v := range m.GetIn() {
		if in[i], err = id(v); err != nil {
			return expr.Step{}, err
		}
	}
	return expr.Step{Kind: expr.Kind(m.GetOp()), Attrs: a, In: in, Shape: s}, nil
}

// attrs refuses a message that lacks a field: a writer emits all of them.
func attrs(m *methodv1.Attrs) (expr.Attrs, error) {
	r := reader{}
	a := expr.Attrs{
		Alpha:  read(&r, "alpha", m.GetAlpha(), m != nil && m.Alpha != nil),
		Beta:   read(&r, "beta", m.GetBeta(), m != nil && m.Beta != nil),
		Axes:   r.wholes("axes", m.GetAxes()),
		Keep:   read(&r, "keep", m.GetKeep(), m != nil && m.Keep != nil),
		Shape:  r.wholes("shape", m.GetShape()),
		Axis:   r.whole("axis", m.GetAxis(), m != nil && m.Axis != nil),
		Start:  r.whole("start", m.GetStart(), m != nil && m.Start != nil),
		Stop:   r.whole("stop", m.GetStop(), m != nil && m.Stop != nil),
		TransA: read(&r, "trans_a", m.GetTransA(), m != nil && m.TransA != nil),
		TransB: read(&r, "trans_b", m.GetTransB(), m != nil && m.TransB != nil),
		Kernel: r.whole("kernel", m.GetKernel(), m != nil && m.Kernel != nil),
		Stride: r.whole("stride", m.GetStride(), m != nil && m.Stride != nil),
		Pad:    r.whole("pad", m.GetPad(), m != nil && m.Pad != nil),
		Groups: r.whole("groups", m.GetGroups(), m != nil && m.Groups != nil),
		Eps:    read(&r, "eps", m.GetEps(), m != nil && m.Eps != nil),
		Index:  r.wholes("index", m.GetIndex()),
		Custom: m.GetCustom(),
	}
	for _, v := range []float64{a.Alpha, a.Beta, a.Eps} {
		if r.err == nil && !finite(v) {
			r.err = fmt.Errorf("a constant is %g", v)
		}
	}
	return a, r.err
}

// reader keeps the first error of a message's fields.
type reader struct{ err error }

func read[T any](r *reader, name string, v T, present bool) T {
	if !present && r.err == nil {
		r.err = fmt.Errorf("attribute %q is missing", name)
	}
	return v
}

func (r *reader) whole(name string, v int64, present bool) int {
	return r.number(name, read(r, name, v, present))
}

func (r *reader) wholes(name string, v []int64) []int {
	if len(v) == 0 {
		return nil
	}
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = r.number(name, x)
	}
	return out
}

func (r *reader) number(name string, v int64) int {
	n, err := whole(v)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("attribute %q: %w", name, err)
	}
	return n
}

// shape never gives nil: a scalar has an empty shape.
func shape(m *methodv1.Shape) (expr.Shape, error) {
	if m == nil {
		return nil, fmt.Errorf("the shape is missing")
	}
	out := make(expr.Shape, len(m.GetAxes()))
	for i, v := range m.GetAxes() {
		n, err := whole(v)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

// whole keeps numbers to 31 bits, which every platform's int holds.
func whole(v int64) (int, error) {
	if v < math.MinInt32 || v > math.MaxInt32 {
		return 0, fmt.Errorf("%d is out of range", v)
	}
	return int(v), nil
}

func id(v uint32) (int, error) { return whole(int64(v)) }

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// ShapesOf reads the shapes of a call's inputs, at most [expr.MaxOperands] of at most [expr.MaxRank] axes.
func ShapesOf(m []*methodv1.Shape) ([]expr.Shape, error) {
	if len(m) > expr.MaxOperands {
		return nil, fmt.Errorf("%d inputs; at most %d", len(m), expr.MaxOperands)
	}
	out := make([]expr.Shape, len(m))
	for i, s := range m {
		if n := len(s.GetAxes()); n > expr.MaxRank {
			return nil, fmt.Errorf("input %d has %d axes; at most %d", i, n, expr.MaxRank)
		}
		var err error
		if out[i], err = shape(s); err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
	}
	return out, nil
}
