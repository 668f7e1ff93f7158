package library

import (
	"errors"
	"fmt"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
	"github.com/sslctl/sslctl/sdk/expr"
)

// Device is what a plan needs of the device that runs it.
type Device interface {
	// Address is where a value lives, aligned to 16 bytes.
	Address(id engine.ID) drv.Ptr
	// Launch puts a kernel of [Plan.Source] on the stream. The places of its buffers are [Plan.Buffer]'s.
	Launch(c kernels.Call) error
}

// Plan is what the libraries compute of an engine's plan.
type Plan struct {
	libraries  *Libraries
	plan       *engine.Plan
	by         []int          // see [engine.Plan.Producers]
	steps      map[int][]step // of each instruction that the libraries compute
	absorbed   map[int]bool   // instructions computed by the steps of an earlier one
	source     []string
	buffers    buffers
	searches   []*convolution // whose algorithms are still to be measured
	operations []operation
}

// operation is a call of a library with its descriptors.
type operation interface {
	Workspace() int
	Close() error
}

// step is a part of an instruction: a kernel to launch, or a call of a library.
type step struct {
	kernel *kernels.Call
	run    func(d Device) error
}

// Plan plans what the libraries compute of p. An instruction that a library has no code for is left out, with a note; an
// error is one that should not have been.
//
// The algorithm of a convolution is the one that the file of Options.Cache names for the problem, else the quickest of a
// measurement on this device, which Prepare makes and adds to the file.
func (l *Libraries) Plan(p *engine.Plan) (*Plan, error) {
	v := &Plan{libraries: l, plan: p, by: p.Producers(), steps: map[int][]step{}, absorbed: map[int]bool{}}
	v.buffers.init()
	for i, in := range p.Instrs {
		var steps []step
		var err error
		switch {
		case in.Kind == expr.MatMul && l.products != nil:
			steps, err = v.matmul(i)
		case convolves(in) && v.pointwise(in) && l.products != nil:
			if steps, err = v.pointwiseConvolution(in); unsupported(err) && l.images != nil {
				steps, err = v.convolution(in)
			}
		case convolves(in) && l.images != nil:
			steps, err = v.convolution(in)
		}
		switch {
		case unsupported(err):
			l.note(fmt.Errorf("%s by this program's own kernels: %w", in.Kind, err))
		case err != nil:
			return nil, errors.Join(fmt.Errorf("instruction %d: %w", i, err), v.Close())
		case steps != nil:
			v.steps[i] = steps
		}
	}
	v.fitWorkspace()
	return v, nil
}

// Computes reports whether the libraries compute instruction i, by itself or along with an earlier one.
func (v *Plan) Computes(i int) bool { return v.steps[i] != nil || v.absorbed[i] }

// Source are the texts of the kernels that Enqueue launches, for [kernels.Unit].
func (v *Plan) Source() []string { return v.source }

// Bytes is the device memory that Prepare allocates, before measured algorithms change the workspace.
func (v *Plan) Bytes() int { return v.buffers.bytes() }

// Buffer is where a buffer of the plan's kernels lives, once Prepare has run.
func (v *Plan) Buffer(b kernels.Buffer) drv.Ptr { return v.buffers.at[b.Number] }

// Prepare allocates the plan's memory and chooses algorithms, which may write to the results of convolutions. It is called
// once, before the first run and with all values in their places.
func (v *Plan) Prepare(d Device) error {
	if err := v.buffers.allocate(v.libraries.context); err != nil {
		return err
	}
	if len(v.searches) == 0 {
		return nil
	}
	if err := v.search(d); err != nil {
		return err
	}
	v.fitWorkspace()
	return v.buffers.resize(v.libraries.context, workspace)
}

// fitWorkspace makes the workspace as large as the largest that an operation needs.
func (v *Plan) fitWorkspace() {
	v.buffers.sizes[workspace] = 0
	for _, o := range v.operations {
		v.buffers.share(workspace, o.Workspace())
	}
}

// Enqueue puts an instruction that the libraries compute on the stream.
func (v *Plan) Enqueue(i int, d Device) error {
	for _, s := range v.steps[i] {
		var err error
		if s.kernel != nil {
			err = d.Launch(*s.kernel)
		} else {
			err = s.run(d)
		}
		if err != nil {
			return fmt.Errorf("instruction %d: %w", i, err)
		}
	}
	return nil
}

// Close frees the plan's memory and descriptors.
func (v *Plan) Close() error {
	errs := []error{v.buffers.free(v.libraries.context)}
	for _, c := range v.operations {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// kernel makes steps of a kernel's launches.
func (v *Plan) kernel(l kernels.Lowered) []step {
	v.source = append(v.source, l.Source...)
	steps := make([]step, len(l.Calls))
	for i := range l.Calls {
		steps[i].kernel = &l.Calls[i]
	}
	return steps
}
