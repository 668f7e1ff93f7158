package cuda

import (
	"fmt"

	"github.com/sslctl/sslctl/core/engine"
	"github.com/sslctl/sslctl/core/internal/cuda/drv"
)

// hostOp is a custom op, which its plugin computes: operands come to page-locked memory, the result goes back from there. Where
// the plugin sees memory of this process, that is the memory.
type hostOp struct {
	e        *Executable
	index    int // of the instruction
	operands [][]byte
	result   []byte
}

func (e *Executable) newHostOp(index int) (*hostOp, error) {
	h := &hostOp{e: e, index: index}
	in := e.plan.Instrs[index]
	place := e.places(in)
	for _, id := range in.In {
		b, err := place(e.plan.Values[id].Bytes())
		if err != nil {
			return nil, err
		}
		h.operands = append(h.operands, b)
	}
	var err error
	h.result, err = place(e.plan.Values[in.Out[0]].Bytes())
	return h, err
}

// places gives page-locked memory to an op's operands and then to its result: next to each other in what its plugin sees, where
// that can be page-locked, else of their own.
func (e *Executable) places(in engine.Instr) func(bytes int) ([]byte, error) {
	need := e.plan.Values[in.Out[0]].Bytes()
	for _, id := range in.In {
		need += e.plan.Values[id].Bytes()
	}
	rest := e.share(in.Op)
	if len(rest) < need {
		return e.pin
	}
	return func(bytes int) ([]byte, error) {
		b := rest[:bytes:bytes]
		rest = rest[bytes:]
		return b, nil
	}
}

func (h *hostOp) instr() engine.Instr { return h.e.plan.Instrs[h.index] }

// bring copies the operands to the host.
func (h *hostOp) bring(s *drv.Stream) error {
	for i, id := range h.instr().In {
		if err := s.CopyOut(h.operands[i], h.e.Address(id)); err != nil {
			return err
		}
	}
	return nil
}

// compute waits for the operands and computes the op.
func (h *hostOp) compute(s *drv.Stream) error {
	if err := s.Synchronize(); err != nil {
		return err
	}
	operands := make([][]float32, len(h.operands))
	for i, b := range h.operands {
		operands[i] = floats(b)
	}
	out := floats(h.result)
	clear(out)
	if err := h.instr().Op.Compute(out, operands); err != nil {
		return fmt.Errorf("instruction %d: %w", h.index, err)
	}
	return nil
}

// take copies the result to the device.
func (h *hostOp) take(s *drv.Stream) error { return s.CopyIn(h.e.Address(h.instr().Out[0]), h.result) }
