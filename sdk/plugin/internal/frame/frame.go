// Package frame lays the tensors of a call of a custom op out in memory: one after another without gaps, first what the op
// reads, then its result. Both halves of a plugin connection compute it from the shapes and the number of outputs.
//
// Most callers need [Of], then [Frame.Forward] or [Frame.Backward] for the sizes and [Frame.Inputs] for the parts.
package frame

import (
	"fmt"

	"github.com/sslctl/sslctl/sdk/expr"
)

// MaxFloats bounds a frame: 4 GiB.
const MaxFloats = 1 << 30

// Frame is the size of a call's parts, in numbers.
type Frame struct {
	inputs  []int
	total   int // of the inputs
	outputs int
}

// Of measures a call; the error says that it is of no possible size.
func Of(shapes []expr.Shape, outputs int) (Frame, error) {
	f := Frame{outputs: outputs}
	if outputs < 1 || outputs > MaxFloats {
		return f, fmt.Errorf("outputs of %d elements; at least 1 and at most %d", outputs, MaxFloats)
	}
	for _, s := range shapes {
		n := 1
		for _, d := range s {
			if d < 1 || d > MaxFloats/n {
				return f, fmt.Errorf("an input of the shape %v", s)
			}
			n *= d
		}
		f.inputs = append(f.inputs, n)
		if f.total += n; f.total > MaxFloats {
			return f, fmt.Errorf("inputs of more than %d elements", MaxFloats)
		}
	}
	return f, nil
}

// Floats is the memory that either pass takes, result and all.
func (f Frame) Floats() int { return 2 * (f.total + f.outputs) }

// Forward is what the forward pass reads and writes.
func (f Frame) Forward() (reads, writes int) { return f.total, f.outputs }

// Backward is what the backward pass reads - inputs, outputs, gradients of the outputs - and writes.
func (f Frame) Backward() (reads, writes int) { return f.total + 2*f.outputs, f.total }

// Inputs cuts the inputs out of memory that begins with them.
func (f Frame) Inputs(memory []float32) [][]float32 {
	out := make([][]float32, len(f.inputs))
	for i, n := range f.inputs {
		out[i], memory = memory[:n:n], memory[n:]
	}
	return out
}

// Gradients cuts the outputs and their gradients out of what the backward pass reads.
func (f Frame) Gradients(memory []float32) (out, grad []float32) {
	rest := memory[f.total:]
	return rest[:f.outputs:f.outputs], rest[f.outputs : 2*f.outputs : 2*f.outputs]
}
