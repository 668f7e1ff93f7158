package backbone

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/expr/nn"
)

// Check holds a network of any origin to all that Forward relies on: names, sizes and layouts of parameters, batch norm with
// running statistics, representations of one row an image, and shapes, which are inferred anew.
func (n *Network) Check() error {
	if n.Two == nil || n.Three == nil {
		return fmt.Errorf("the network's programs are missing")
	}
	if err := n.Images.Check(); err != nil {
		return err
	}
	if err := errors.Join(n.Two.Validate(), n.Three.Validate()); err != nil {
		return err
	}
	if _, err := n.Of(proof); err != nil {
		return err
	}
	for i, p := range []*expr.Program{n.Two, n.Three} {
		if err := n.checkProgram(p, i+2); err != nil {
			return fmt.Errorf("the network of %d images: %w", i+2, err)
		}
	}
	return nil
}

// Check bounds size and channels.
func (im Images) Check() error {
	if im.Size < 1 || im.Size > MaxSize || im.Channels < 1 || im.Channels > MaxChannels {
		return fmt.Errorf("images of %d pixels and %d channels; at most %d and %d", im.Size, im.Channels, MaxSize, MaxChannels)
	}
	return nil
}

func (n *Network) checkProgram(p *expr.Program, images int) error {
	if err := n.checkInputs(p, images); err != nil {
		return err
	}
	if err := checkNorms(p); err != nil {
		return err
	}
	b := expr.New()
	inputs := map[string]expr.Tensor{}
	for _, port := range p.Inputs {
		inputs[port.Name] = b.Input(port.Name, port.Shape...)
	}
	outputs, err := p.Build(b, inputs)
	if err != nil {
		return err
	}
	y := outputs[output].Shape()
	if len(y) != 2 || y[0] != images || y[1] > MaxFeatures || p.Outputs[0].Value < len(p.Inputs) {
		return fmt.Errorf("it gives %v; representations are [%d, features] with at most %d features", y, images, MaxFeatures)
	}
	return nil
}

// checkInputs holds the inputs to be the images and the parameters.
func (n *Network) checkInputs(p *expr.Program, images int) error {
	if len(p.Inputs) != len(n.Params)+1 || p.Inputs[0].Name != imagesInput {
		return fmt.Errorf("its %d inputs are not %q and its %d parameters", len(p.Inputs), imagesInput, len(n.Params))
	}
	if want := (expr.Shape{images, n.Images.Size, n.Images.Size, n.Images.Channels}); !slices.Equal(p.Inputs[0].Shape, want) {
		return fmt.Errorf("it takes images as %v, they are %v", p.Inputs[0].Shape, want)
	}
	total := 0
	for i, q := range n.Params {
		port := p.Inputs[i+1]
		if port.Name != q.Name {
			return fmt.Errorf("its input %d is %q, not the parameter %q", i+1, port.Name, q.Name)
		}
		if err := q.check(port.Shape); err != nil {
			return fmt.Errorf("parameter %q: %w", q.Name, err)
		}
		if total += port.Shape.TotalSize(); total > MaxParameters {
			return fmt.Errorf("more than %d numbers in its parameters", MaxParameters)
		}
	}
	return nil
}

// nameForm is what files of weights can hold: parts of letters, digits and _, joined by dots.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$`)

const maxName = 200

func checkName(name string) error {
	switch {
	case len(name) > maxName || !nameForm.MatchString(name):
		return fmt.Errorf("the name is not parts of letters, digits and _ with dots between (at most %d)", maxName)
	case strings.HasSuffix("."+name, meanSuffix) || strings.HasSuffix("."+name, varSuffix):
		return fmt.Errorf("the name is that of a running statistic")
	}
	return nil
}

func (q Param) check(s expr.Shape) error {
	if err := checkName(q.Name); err != nil {
		return err
	}
	axes := map[nn.Layout]int{nn.Linear2: 2, nn.Conv4: 4, nn.Vector: len(s)}
	switch n, known := axes[q.Layout]; {
	case !known || n != len(s):
		return fmt.Errorf("the shape %v does not have the layout %d", s, q.Layout)
	case q.Positions < 1 || q.Positions > 1 && (q.Layout != nn.Linear2 || s[1]%q.Positions != 0):
		return fmt.Errorf("%d positions of an image in the shape %v", q.Positions, s)
	case q.Init.Dist < nn.Constant || q.Init.Dist > nn.Normal || math.IsNaN(q.Init.Scale) || math.IsInf(q.Init.Scale, 0):
		return fmt.Errorf("initial values of distribution %d and scale %g", q.Init.Dist, q.Init.Scale)
	}
	return nil
}

// checkNorms holds every batch statistic to be followed by running ones, and to be read by bn_apply alone: in evaluation
// and for several views it is another tensor.
func checkNorms(p *expr.Program) error {
	norms := map[int]bool{}
	if p.Outputs[0].Name != output {
		return fmt.Errorf("its first output is %q, not %q", p.Outputs[0].Name, output)
	}
	for _, o := range p.Outputs[1:] {
		name, ok := strings.CutPrefix(o.Name, statsPrefix)
		at := o.Value - len(p.Inputs)
		if !ok || at < 0 || p.Steps[at].Kind != expr.BNStats || norms[o.Value] {
			return fmt.Errorf("output %q is not the statistics of a batch norm", o.Name)
		}
		if err := checkName(name); name != "" && err != nil {
			return fmt.Errorf("batch norm %q: %w", name, err)
		}
		norms[o.Value] = true
	}
	for i, step := range p.Steps {
		if err := checkStep(step, norms, norms[len(p.Inputs)+i]); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

// checkStep checks a step among batch norms, of which it is one or not.
func checkStep(s expr.Step, norms map[int]bool, isNorm bool) error {
	switch {
	case s.Kind == expr.Custom || s.Kind == expr.CustomGrad:
		return fmt.Errorf("a backbone has no custom ops: evaluation and export must not need its plugin")
	case s.Kind == expr.BNStats && !isNorm:
		return fmt.Errorf("statistics of the batch without running ones for evaluation: use nn.BatchNorm")
	case (s.Kind == expr.BNStats || s.Kind == expr.BNApply) && s.Attrs.Groups != 1:
		return fmt.Errorf("%s of %d groups; the host groups the views", s.Kind, s.Attrs.Groups)
	case s.Kind == expr.BNReduce || s.Kind == expr.BNGrad:
		return fmt.Errorf("%s belongs to a gradient, which the host makes", s.Kind)
	case s.Kind == expr.BNApply && (len(s.In) < 2 || !norms[s.In[1]]):
		return fmt.Errorf("bn_apply by something other than a batch's statistics: use nn.BatchNorm")
	}
	for j, at := range s.In {
		if norms[at] && (s.Kind != expr.BNApply || j != 1) {
			return fmt.Errorf("%s reads the statistics of a batch norm", s.Kind)
		}
	}
	return nil
}
