package toproto

import (
	"github.com/sslctl/sslctl/sdk/expr"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
)

// Format is the version of the program's format that this package writes.
const Format = 1

// Domain names the op set of sdk/expr.
const Domain = "sslctl.core"

// CustomDomain is named by a program with custom ops, so that a host that cannot call them says so.
const (
	CustomDomain = "sslctl.custom"
	CustomOpSet  = 1
)

// Program writes an expression.
func Program(p *expr.Program) *methodv1.Program {
	out := &methodv1.Program{Version: &methodv1.ProgramVersion{
		Format: Format,
		OpSets: []*methodv1.OpSet{{Domain: Domain, Version: expr.OpSet}},
	}}
	if len(p.CustomOps()) > 0 {
		out.Version.OpSets = append(out.Version.OpSets, &methodv1.OpSet{Domain: CustomDomain, Version: CustomOpSet})
	}
	for _, port := range p.Inputs {
		out.Inputs = append(out.Inputs, &methodv1.Port{Name: port.Name, Shape: shape(port.Shape)})
	}
	for _, step := range p.Steps {
		out.Steps = append(out.Steps, &methodv1.Step{
			Op: string(step.Kind), In: ids(step.In), Attrs: attrs(step.Attrs), Shape: shape(step.Shape),
		})
	}
	for _, o := range p.Outputs {
		out.Outputs = append(out.Outputs, &methodv1.Output{Name: o.Name, Value: uint32(o.Value)})
	}
	return out
}

func attrs(a expr.Attrs) *methodv1.Attrs {
	return &methodv1.Attrs{
		Alpha: &a.Alpha, Beta: &a.Beta,
		Axes: wholes(a.Axes), Keep: &a.Keep,
		Shape: wholes(a.Shape),
		Axis:  whole(a.Axis), Start: whole(a.Start), Stop: whole(a.Stop),
		TransA: &a.TransA, TransB: &a.TransB,
		Kernel: whole(a.Kernel), Stride: whole(a.Stride), Pad: whole(a.Pad),
		Groups: whole(a.Groups), Eps: &a.Eps,
		Index:  wholes(a.Index),
		Custom: custom(a.Custom),
	}
}

// custom is absent for ops of the set, so that a host without custom ops reads their programs.
func custom(name string) *string {
	if name == "" {
		return nil
	}
	return &name
}

func shape(s expr.Shape) *methodv1.Shape { return &methodv1.Shape{Axes: wholes(s)} }

func whole(v int) *int64 {
	w := int64(v)
	return &w
}

func wholes(v []int) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

func ids(v []int) []uint32 {
	out := make([]uint32, len(v))
	for i, x := range v {
		out[i] = uint32(x)
	}
	return out
}

// ShapesOf writes the shapes of a call's inputs.
func ShapesOf(all []expr.Shape) []*methodv1.Shape {
	out := make([]*methodv1.Shape, len(all))
	for i, s := range all {
		out[i] = shape(s)
	}
	return out
}
