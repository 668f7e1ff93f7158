// Package objective evaluates an objective by itself: embeddings in, the loss, its terms and the gradient of every
// embedding out. It is what `sslctl objective` runs, and how one checks a method against another implementation: a file of
// embeddings goes through both, and the numbers are compared.
//
// Callers need three calls: [Read] a file of embeddings, [Evaluate] the traced method and regularisers on a device, and
// [Result.Write]. The graph is the training step's without the network: same programs, same compiler, same kernels.
package objective

import (
	"context"
	"fmt"
	"math"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/safetensors"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
)

// Result is an objective's value on given embeddings.
type Result struct {
	Loss      float32
	Terms     []Term
	Gradients []Gradient // of every input, in the order of Inputs.Names
}

// Term is one term of the loss, unweighted, with its weight: Loss is the sum of Weight times Value.
type Term struct {
	Name   string
	Weight float64
	Value  float32
}

// Gradient is the derivative of the loss by an input, of its shape. It is zero where the loss does not depend on the input
// or its gradient is stopped, as that of target embeddings.
type Gradient struct {
	Input string
	Shape []int
	Value []float32
}

// Evaluate computes the objective and its gradients. The programs must have been traced for the inputs' shapes. An input
// that the objective takes and the file lacks is a fault of code Data; a loss that is not finite one of code Diverged.
func Evaluate(ctx context.Context, in Inputs, t *method.Traced, regularisers []model.Regulariser, d engine.Device) (Result, error) {
	if err := in.demand(t); err != nil {
		return Result{}, err
	}
	g, err := build(in, t, regularisers)
	if err != nil {
		return Result{}, err
	}
	exe, err := g.load(d, in.Names())
	if err != nil {
		return Result{}, fmt.Errorf("compile the objective: %w", err)
	}
	defer exe.Close()
	for _, name := range in.Names() {
		if !g.read[name] {
			continue
		}
		if err := exe.Bind(g.inputs[name], in.Values[name]); err != nil {
			return Result{}, fmt.Errorf("compute the objective: %w", err)
		}
	}
	if err := exe.Run(ctx); err != nil {
		return Result{}, fmt.Errorf("compute the objective: %w", err)
	}
	return g.collect(in, exe)
}

// graph is the objective over inputs.
type graph struct {
	model  *model.Model
	inputs map[string]expr.Tensor
	grads  map[string]expr.Tensor // the zero Tensor without gradient
	read   map[string]bool        // inputs that the plan reads
}

func build(in Inputs, t *method.Traced, regularisers []model.Regulariser) (*graph, error) {
	b := expr.New()
	g := &graph{model: &model.Model{Builder: b}, inputs: map[string]expr.Tensor{}, grads: map[string]expr.Tensor{}}
	views := map[string]*[]expr.Tensor{"z": &g.model.Z, "p": &g.model.P, "t": &g.model.T, "y": &g.model.Y}
	names := in.Names()
	var wrt []expr.Tensor
	for _, name := range names {
		role := name[:1]
		width := in.Embedding
		if role == "y" {
			width = in.Representation
		}
		input := b.Input(name, in.Batch, width)
		g.inputs[name], wrt = input, append(wrt, input)
		if role == "t" { // no gradient flows into the target branch
			input = input.StopGradient()
		}
		*views[role] = append(*views[role], input)
	}
	if b.Err() != nil {
		return nil, b.Err()
	}
	if err := g.model.Attach(t, regularisers); err != nil {
		return nil, err
	}
	grads, err := b.Grad(g.model.Loss, wrt...)
	if err != nil {
		return nil, fault.New(fault.Plugin, "the objective must be differentiable; report it to the method's author", "differentiate the loss: %w", err)
	}
	for i, name := range names {
		g.grads[name] = grads[i]
	}
	return g, nil
}

// load compiles what is wanted: loss, terms and the gradients that there are.
func (g *graph) load(d engine.Device, names []string) (engine.Executable, error) {
	outputs := []expr.Tensor{g.model.Loss}
	for _, t := range g.model.Terms {
		outputs = append(outputs, t.Value)
	}
	for _, name := range names {
		if t := g.grads[name]; t.Node() != nil {
			outputs = append(outputs, t)
		}
	}
	plan, err := engine.Compile(outputs...)
	if err != nil {
		return nil, err
	}
	g.read = map[string]bool{}
	for _, id := range plan.Inputs() {
		g.read[plan.Values[id].Input] = true
	}
	return d.Load(plan)
}

// collect reads the results and holds them to be finite.
func (g *graph) collect(in Inputs, exe engine.Executable) (Result, error) {
	r := Result{Loss: exe.Read(g.model.Loss)[0]}
	for _, t := range g.model.Terms {
		value := exe.Read(t.Value)[0]
		if !finite(value) {
			return Result{}, diverged("term "+t.Name, value)
		}
		r.Terms = append(r.Terms, Term{Name: t.Name, Weight: t.Weight, Value: value})
	}
	if !finite(r.Loss) {
		return Result{}, diverged("the loss", r.Loss)
	}
	for _, name := range in.Names() {
		grad := Gradient{Input: name, Shape: g.inputs[name].Shape(), Value: make([]float32, len(in.Values[name]))}
		if t := g.grads[name]; t.Node() != nil {
			copy(grad.Value, exe.Read(t))
		}
		for _, v := range grad.Value {
			if !finite(v) {
				return Result{}, diverged("the gradient of "+name, v)
			}
		}
		r.Gradients = append(r.Gradients, grad)
	}
	return r, nil
}

func finite(v float32) bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }

func diverged(what string, v float32) error {
	return fault.New(fault.Diverged, "the embeddings are too large for float32, or the method is not defined for them", "%s is %v", what, v)
}

// Norm is the Euclidean norm of a gradient.
func (g Gradient) Norm() float64 {
	var sum float64
	for _, v := range g.Value {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

// Write stores loss, term.NAME and grad.INPUT as a safetensors file, whose bytes depend on the content alone. meta is the
// file's free-form metadata.
func (r Result) Write(path string, meta map[string]string) error {
	tensors := map[string]safetensors.Tensor{"loss": safetensors.Floats([]float32{r.Loss})}
	for _, t := range r.Terms {
		tensors["term."+t.Name] = safetensors.Floats([]float32{t.Value})
	}
	for _, g := range r.Gradients {
		tensors["grad."+g.Input] = safetensors.Floats(g.Value, g.Shape...)
	}
	return safetensors.Write(path, tensors, meta)
}
