// Package engine compiles a graph of sdk/expr into a [Plan] and runs it on a device. It knows tensors, not
// self-supervision.
//
// [Compile] takes the tensors that a caller wants to read; a [Device] loads the plan; the [Executable] is given memory for
// its inputs and then run as often as wanted. A plan is the same for every device. Compiling goes through ten passes, a file
// each: order (what is needed, operands first), factor (large matrices of low rank as their factors), number (equal values
// computed once, copies that are none), batch norm (activation and residual in the same pass, forward and backward), fuse
// (elementwise chains in one pass over memory), precision (which values are stored in bfloat16), update (new values written
// over their inputs, an optimiser's gathered at the end), hasten (gradients of weights where they free memory), sink (what the
// caller takes as it is made) and memory (one arena, reused by lifetime). [Plan.String] prints the result.
package engine

import (
	"context"
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
)

// Device runs plans.
type Device interface {
	// Name is the device's name on the command line.
	Name() string
	// Load prepares a plan: kernels chosen, memory allocated. Nothing is allocated later.
	Load(p *Plan) (Executable, error)
	// Close frees the device; executables loaded on it end with it.
	Close()
}

// Distant is a device with memory of its own. To move parameters to it and gradients back at each step would cost more than
// the step: there the optimiser is best a part of the plan, as updates.
type Distant interface {
	Device
	// Distant does nothing; it marks the device.
	Distant()
}

// Executable is a plan on a device.
type Executable interface {
	// Bind gives an input its memory, which is read at each run; binding again replaces it. It fails on a tensor that
	// is no input of the plan or that the plan updates, and on a length that is not its size.
	Bind(input expr.Tensor, data []float32) error
	// Hold is Bind for what changes by updates or not at all: the memory is read at the next run, and then not before it is
	// held again. Where the device has memory of its own, the values of updates stay there until Fetch.
	Hold(input expr.Tensor, data []float32) error
	// Run computes the outputs, then the updates. It fails where an input has no memory, or the context has ended; then no
	// input has been updated.
	Run(ctx context.Context) error
	// Read is the memory of an output or input: the same slice at every call, with the last run's values, and good until the
	// next. The caller must not write to it. nil for what the plan does not compute.
	Read(t expr.Tensor) []float32
	// Fetch writes the values of updated inputs into the memory by which they are held.
	Fetch(ctx context.Context) error
	// Close frees the executable's memory, which what Read returned may be.
	Close()
}

// Pipelined is an executable of a device that works while the caller goes on: Run is Start and Wait. What a caller does
// between them - drawing the next batch, say, and staging it - costs no time of the device's.
type Pipelined interface {
	Executable
	// Start begins a run, and Wait ends it: outputs can be read after it.
	Start(ctx context.Context) error
	Wait() error
	// Stage brings what is bound now to the device, for the next Start; the run that is under way keeps what it has.
	Stage() error
}

// OutOfMemory says that a plan does not fit on a device.
type OutOfMemory struct {
	Device             string
	Needed, Free, Size int // bytes: of the plan, of the device's memory left by others, of all its memory
}

func (e *OutOfMemory) Error() string {
	return fmt.Sprintf("%s is out of memory: %s needed, %s of %s free", e.Device, memory(e.Needed), memory(e.Free), memory(e.Size))
}

// memory is a size for people.
func memory(bytes int) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%.2f GiB", float64(bytes)/(1<<30))
}

// Compile plans the computation of the outputs with everything stored in float32. The graph must be complete: a plan does
// not see what is added later.
func Compile(outputs ...expr.Tensor) (*Plan, error) { return CompileFor(FP32, outputs...) }

// CompileFor is Compile with activations stored at a precision. Outputs are float32 at any.
func CompileFor(precision Precision, outputs ...expr.Tensor) (*Plan, error) {
	return CompileStep(precision, outputs, nil)
}

// CompileStep is CompileFor with updates and sinks, whose values are float32 as outputs are. It fails where an input that is to
// change is none or changes twice, and where shapes differ.
func CompileStep(precision Precision, outputs []expr.Tensor, updates []Update, sinks ...Sink) (*Plan, error) {
	p, err := order(outputs)
	if err == nil {
		err = p.orderUpdates(updates)
	}
	if err == nil {
		err = p.orderSinks(sinks)
	}
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	p.factor()
	p.number()
	p.separateUpdates()
	p.separateSinks()
	p.fuseBatchNorm()
	p.fuseElementwise()
	p.store(precision)
	p.postponeUpdates()
	p.reuseInPlace()
	p.hasten()
	p.sinkEarly()
	p.planMemory()
	return p, nil
}
