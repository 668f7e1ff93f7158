// Package engine compiles a graph of sdk/expr into a [Plan] and runs it on a device. It knows tensors, not
// self-supervision.
//
// [Compile] takes the tensors that a caller wants to read; a [Device] loads the plan; the [Executable] is given memory for
// its inputs and then run as often as wanted. A plan is the same for every device. Compiling goes through seven passes, a file
// each: order (what is needed, operands first), factor (large matrices of low rank as their factors), number (equal values
// computed once, copies that are none), batch norm (activation and residual in the same pass, forward and backward), fuse
// (elementwise chains in one pass over memory), precision (which values are stored in bfloat16) and memory (one arena, reused
// by lifetime). [Plan.String] prints the result.
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

// Executable is a plan on a device.
type Executable interface {
	// Bind gives an input its memory, which is read at each run; binding again replaces it. It fails on a tensor that
	// is no input of the plan, and on a length that is not its size.
	Bind(input expr.Tensor, data []float32) error
	// Run computes the outputs. It fails where an input is not bound, or the context has ended.
	Run(ctx context.Context) error
	// Read is the memory of an output or bound input: the same slice after every run, with that run's values. The caller
	// must not write to it. nil for what the plan does not compute.
	Read(t expr.Tensor) []float32
}

// Compile plans the computation of the outputs with everything stored in float32. The graph must be complete: a plan does
// not see what is added later.
func Compile(outputs ...expr.Tensor) (*Plan, error) { return CompileFor(FP32, outputs...) }

// CompileFor is Compile with activations stored at a precision. Outputs are float32 at any.
func CompileFor(precision Precision, outputs ...expr.Tensor) (*Plan, error) {
	p, err := order(outputs)
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	p.factor()
	p.number()
	p.fuseBatchNorm()
	p.fuseElementwise()
	p.store(precision)
	p.planMemory()
	return p, nil
}
