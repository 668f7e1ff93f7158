package plugin

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/plugin/internal/frame"
	"github.com/sslctl/sslctl/sdk/plugin/internal/handshake"
	"github.com/sslctl/sslctl/sdk/plugin/internal/memory"
	"github.com/sslctl/sslctl/sdk/wire"
	"github.com/sslctl/sslctl/sdk/wire/diag"
	"github.com/sslctl/sslctl/sdk/wire/fromproto"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
	"github.com/sslctl/sslctl/sdk/wire/toproto"
)

// calls computes the custom ops of what was opened. One call runs at a time.
type calls struct {
	mu     sync.Mutex
	ops    map[string]expr.Code
	shared *memory.Region // nil: tensors come in messages
}

// Open traces again and keeps the custom ops.
func (s *service) Open(_ context.Context, m *methodv1.OpenRequest) (*methodv1.OpenResponse, error) {
	s.asked.Do(keepStreams)
	traced, err := s.answer(m.GetTrace())
	if err != nil {
		return &methodv1.OpenResponse{Diagnostics: toproto.Diagnostics(diag.Of(err))}, nil
	}
	shared, err := s.calls.begin(traced.ops, m.GetMemory())
	if err != nil {
		return &methodv1.OpenResponse{Diagnostics: toproto.Diagnostics(diag.Of(err))}, nil
	}
	return &methodv1.OpenResponse{Traced: traced.encoded, Shared: shared}, nil
}

// Call computes an op.
func (s *service) Call(_ context.Context, m *methodv1.CallRequest) (*methodv1.CallResponse, error) {
	result, err := s.calls.call(m)
	if err != nil {
		return &methodv1.CallResponse{Diagnostics: toproto.Diagnostics(diag.Of(err))}, nil
	}
	return &methodv1.CallResponse{Result: result}, nil
}

// begin keeps the ops and maps the host's memory where there is some; shared says whether it did.
func (c *calls) begin(ops map[string]expr.Code, bytes int64) (shared bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ops != nil {
		return false, errors.New("opened twice")
	}
	fd, err := strconv.Atoi(os.Getenv(handshake.MemoryKey))
	if err == nil && bytes > 0 {
		if c.shared, err = memory.Open(fd, int(bytes/4)); err != nil {
			return false, err
		}
	}
	c.ops = ops
	return c.shared != nil, nil
}

// end unmaps the memory.
func (c *calls) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.shared.Close()
	c.shared = nil
}

// call computes an op over the shared memory, or over the message's tensors; then the result is returned.
func (c *calls) call(m *methodv1.CallRequest) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	code, known := c.ops[m.GetOp()]
	if !known {
		return nil, fmt.Errorf("there is no custom op %q in what was traced", m.GetOp())
	}
	shapes, err := fromproto.ShapesOf(m.GetInputs())
	if err != nil {
		return nil, err
	}
	f, err := frame.Of(shapes, int(m.GetOutputs()))
	if err != nil {
		return nil, err
	}
	run, reads, writes := forward, 0, 0
	switch m.GetPass() {
	case methodv1.Pass_PASS_FORWARD:
		reads, writes = f.Forward()
	case methodv1.Pass_PASS_BACKWARD:
		run = backward
		reads, writes = f.Backward()
	default:
		return nil, fmt.Errorf("unknown pass %v", m.GetPass())
	}
	tensors, err := c.tensors(m.GetTensors(), reads, writes)
	if err != nil {
		return nil, err
	}
	result := tensors[reads : reads+writes]
	if err := run(code, f, shapes, tensors, result); err != nil || c.shared != nil {
		return nil, err
	}
	return binary.Append(nil, binary.LittleEndian, result)
}

func forward(code expr.Code, f frame.Frame, shapes []expr.Shape, tensors, result []float32) error {
	return code.Forward(shapes, f.Inputs(tensors), result)
}

func backward(code expr.Code, f frame.Frame, shapes []expr.Shape, tensors, result []float32) error {
	out, grad := f.Gradients(tensors)
	return code.Backward(shapes, f.Inputs(tensors), out, grad, result)
}

// tensors is memory that begins with what the host sent and has room for the result.
func (c *calls) tensors(sent []byte, reads, writes int) ([]float32, error) {
	if c.shared != nil {
		all := c.shared.Floats()
		if reads+writes > len(all) {
			return nil, fmt.Errorf("a call over %d numbers; the shared memory holds %d", reads+writes, len(all))
		}
		return all, nil
	}
	if len(sent) != 4*reads || 4*writes > wire.MaxBytes {
		return nil, fmt.Errorf("a call with %d bytes for %d numbers and %d results", len(sent), reads, writes)
	}
	all := make([]float32, reads+writes)
	_, err := binary.Decode(sent, binary.LittleEndian, all[:reads])
	return all, err
}
