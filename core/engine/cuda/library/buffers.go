package library

import (
	"fmt"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/engine/cuda/kernels"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// The buffers that all instructions share, since these run one after another.
const (
	workspace = iota // of the libraries
	result           // on its way to where, or to the type in which, the plan wants it
	shared           // how many there are
)

// searchSpace is the most workspace in bytes that an algorithm may need. What asks for more is seldom quicker.
const searchSpace = 256 << 20

// productSpace is the workspace in bytes that cublasLt may use: what NVIDIA advises for Hopper.
const productSpace = 32 << 20

// buffers is a plan's own memory: what is shared, then the copies of operands, which are made before their first use in a
// run and hold until its end.
type buffers struct {
	sizes  []int
	at     []drv.Ptr
	copies map[copied]int
}

// copied identifies the copy of a value.
type copied struct {
	id         engine.ID
	storage    engine.DType
	transposed bool
}

func (b *buffers) init() { b.sizes, b.copies = make([]int, shared), map[copied]int{} }

// share sees to it that a shared buffer has at least a size in bytes.
func (b *buffers) share(number, bytes int) { b.sizes[number] = max(b.sizes[number], bytes) }

// bytes is the sum of all sizes.
func (b *buffers) bytes() int {
	sum := 0
	for _, n := range b.sizes {
		sum += n
	}
	return sum
}

// allocate gives every buffer its memory.
func (b *buffers) allocate(c *drv.Context) error {
	b.at = make([]drv.Ptr, len(b.sizes))
	for i := range b.sizes {
		if err := b.resize(c, i); err != nil {
			return err
		}
	}
	return nil
}

// resize gives a buffer new memory of its size.
func (b *buffers) resize(c *drv.Context, i int) error {
	if b.at[i] != 0 {
		if err := c.Free(b.at[i]); err != nil {
			return err
		}
		b.at[i] = 0
	}
	if b.sizes[i] == 0 {
		return nil
	}
	var err error
	if b.at[i], err = c.Alloc(b.sizes[i]); err != nil {
		return fmt.Errorf("%d bytes for convolutions and products: %w", b.sizes[i], err)
	}
	return nil
}

// free gives all memory back.
func (b *buffers) free(c *drv.Context) error {
	var first error
	for i, p := range b.at {
		if p == 0 {
			continue
		}
		if err := c.Free(p); err != nil && first == nil {
			first = err
		}
		b.at[i] = 0
	}
	return first
}

// operand is a value in a storage type: the value itself where it is stored so and not transposed, or its copy, with the steps that
// make it where nobody has asked for it before. A transposed one is seen as a matrix of cols columns.
func (v *Plan) operand(id engine.ID, storage engine.DType, transposed bool, cols int) (kernels.Arg, []step) {
	value := v.plan.Values[id]
	if value.Type == storage && !transposed {
		return kernels.Address(id), nil
	}
	key := copied{id, storage, transposed}
	if number, ok := v.buffers.copies[key]; ok {
		return kernels.Buffer{Number: number, Type: storage}, nil
	}
	n := value.Size()
	number := len(v.buffers.sizes)
	v.buffers.sizes = append(v.buffers.sizes, n*storage.Bytes())
	v.buffers.copies[key] = number
	to := kernels.Buffer{Number: number, Type: storage}
	if transposed {
		return to, v.kernel(kernels.Transposed(v.plan, to, kernels.Address(id), n/cols, cols))
	}
	return to, v.kernel(kernels.Converted(v.plan, to, kernels.Address(id), n))
}

// result is where a library writes a value in a storage type: the value itself where it is stored so and stands as the library
// has it, or a buffer, with the steps that bring it home. A transposed one comes as a matrix of rows rows.
func (v *Plan) result(id engine.ID, storage engine.DType, transposed bool, rows int) (kernels.Arg, []step) {
	value := v.plan.Values[id]
	if value.Type == storage && !transposed {
		return kernels.Address(id), nil
	}
	n := value.Size()
	v.buffers.share(result, n*storage.Bytes())
	from := kernels.Buffer{Number: result, Type: storage}
	if transposed {
		return from, v.kernel(kernels.Transposed(v.plan, kernels.Address(id), from, rows, n/rows))
	}
	return from, v.kernel(kernels.Converted(v.plan, kernels.Address(id), from, n))
}

// place is the address of an argument.
func (v *Plan) place(a kernels.Arg, d Device) drv.Ptr {
	if b, ok := a.(kernels.Buffer); ok {
		return v.Buffer(b)
	}
	return d.Address(engine.ID(a.(kernels.Address)))
}
