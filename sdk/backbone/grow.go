package backbone

import (
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/sslctl/sslctl/sdk/expr"
)

// Of is the network's program for a number of images: each number of a step is a + (b-a)(images-2), where a is the one for
// two images and b for three. The error says where the two programs differ in more than that.
func (n *Network) Of(images int) (*expr.Program, error) {
	two, three := n.Two, n.Three
	if len(two.Inputs) != len(three.Inputs) || len(two.Steps) != len(three.Steps) || !slices.Equal(two.Outputs, three.Outputs) {
		return nil, fmt.Errorf("it has other steps for 3 images than for 2: write the same layers for any number")
	}
	p := &expr.Program{Outputs: two.Outputs}
	g := growth{images: images}
	for i, a := range two.Inputs {
		if a.Name != three.Inputs[i].Name {
			return nil, fmt.Errorf("it reads %q for 2 images and %q for 3", a.Name, three.Inputs[i].Name)
		}
		if i > 0 && !slices.Equal(a.Shape, three.Inputs[i].Shape) {
			return nil, fmt.Errorf("parameter %q is %v for 2 images and %v for 3", a.Name, a.Shape, three.Inputs[i].Shape)
		}
		p.Inputs = append(p.Inputs, expr.Port{Name: a.Name, Shape: g.shape(a.Shape, three.Inputs[i].Shape)})
	}
	for i, a := range two.Steps {
		p.Steps = append(p.Steps, g.step(a, three.Steps[i]))
		if g.err != nil {
			return nil, fmt.Errorf("step %d, %s: %w", i, a.Kind, g.err)
		}
	}
	return p, g.err
}

// growth gives numbers for two and three images their value for more; the first contradiction sticks.
type growth struct {
	images int
	err    error
}

func (g *growth) fail(format string, args ...any) {
	if g.err == nil {
		g.err = fmt.Errorf(format, args...)
	}
}

func (g *growth) number(a, b int) int {
	v := int64(a) + (int64(b)-int64(a))*int64(g.images-2)
	if v < 0 || v > math.MaxInt32 {
		g.fail("%d for 2 images and %d for 3 would be %d for %d", a, b, v, g.images)
	}
	return int(v)
}

func (g *growth) shape(a, b expr.Shape) expr.Shape {
	if len(a) != len(b) {
		g.fail("%v for 2 images, %v for 3", a, b)
		return a
	}
	out := make(expr.Shape, len(a))
	for i := range a {
		out[i] = g.number(a[i], b[i])
	}
	return out
}

func (g *growth) step(a, b expr.Step) expr.Step {
	out := a
	out.Shape = g.shape(a.Shape, b.Shape)
	if len(a.Attrs.Shape) > 0 {
		out.Attrs.Shape = g.shape(a.Attrs.Shape, b.Attrs.Shape)
	}
	out.Attrs.Start = g.number(a.Attrs.Start, b.Attrs.Start)
	out.Attrs.Stop = g.number(a.Attrs.Stop, b.Attrs.Stop)
	rest := b.Attrs // what must not change with the number of images
	rest.Shape, rest.Start, rest.Stop = a.Attrs.Shape, a.Attrs.Start, a.Attrs.Stop
	if a.Kind != b.Kind || !slices.Equal(a.In, b.In) || !reflect.DeepEqual(a.Attrs, rest) {
		g.fail("it is %s%v%s for 2 images and %s%v%s for 3: only shapes may depend on their number", a.Kind, a.In, a.Attrs, b.Kind, b.In, b.Attrs)
	}
	return out
}
