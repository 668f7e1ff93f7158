package client

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"go.uber.org/zap"

	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin/internal/frame"
	"github.com/sslctl/sslctl/sdk/plugin/internal/memory"
	"github.com/sslctl/sslctl/sdk/wire"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
	"github.com/sslctl/sslctl/sdk/wire/toproto"
)

// calls are the custom ops that a plugin was opened for.
type calls struct {
	mu      sync.Mutex // the shared memory belongs to one call at a time
	life    context.Context
	timeout time.Duration
	shared  *memory.Region // nil: there is none
	inline  bool           // the plugin does not use it
}

// share makes memory for so many numbers; none where none is wanted or the system has none.
func share(floats int, logger *zap.Logger) (*memory.Region, error) {
	if floats == 0 {
		return nil, nil
	}
	shared, err := memory.Create(floats)
	if errors.Is(err, errors.ErrUnsupported) {
		logger.Debug("tensors travel in messages", zap.Error(err))
		return nil, nil
	}
	return shared, err
}

// Floats is the shared memory that the custom ops of a program need; 0 where it has none.
func Floats(p *expr.Program) (int, error) {
	shapes := make([]expr.Shape, 0, len(p.Inputs)+len(p.Steps))
	for _, port := range p.Inputs {
		shapes = append(shapes, port.Shape)
	}
	most := 0
	for _, step := range p.Steps {
		if step.Kind == expr.Custom {
			in := make([]expr.Shape, len(step.In))
			for i, at := range step.In {
				in[i] = shapes[at]
			}
			f, err := frame.Of(in, step.Shape.TotalSize())
			if err != nil {
				return 0, fmt.Errorf("custom op %q: %w", step.Attrs.Custom, err)
			}
			most = max(most, f.Floats())
		}
		shapes = append(shapes, step.Shape)
	}
	return most, nil
}

// Open asks the plugin to compute the custom ops of what it traces for these hyper-parameters and shapes, and returns that
// as it traced it. The ops are Code's; life ends them, and none may take longer than timeout.
func (c *Client) Open(ctx, life context.Context, params map[string]any, s method.Shapes, unit bool, timeout time.Duration) (traced []byte, err error) {
	settings, err := toproto.Settings(params)
	if err != nil {
		return nil, err
	}
	request := &methodv1.OpenRequest{Trace: &methodv1.TraceRequest{Params: settings, Shapes: toproto.Shapes(s), Unit: unit}}
	if c.calls.shared != nil {
		request.Memory = int64(len(c.calls.shared.Floats())) * 4
	}
	m, err := c.service.Open(ctx, request)
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	if err := c.refused(m.GetDiagnostics()); err != nil {
		return nil, err
	}
	c.calls.life, c.calls.timeout, c.calls.inline = life, timeout, c.calls.shared == nil || !m.GetShared()
	return m.GetTraced(), nil
}

// Code is a custom op of what was opened.
func (c *Client) Code(op string) expr.Shared { return remote{c, op} }

// remote is a custom op in the plugin's process.
type remote struct {
	c  *Client
	op string
}

var _ expr.Shared = remote{}

// Share lends the memory that the plugin sees too.
func (r remote) Share() (memory []float32, release func()) {
	if r.c.calls.inline || r.c.calls.shared == nil {
		return nil, func() {}
	}
	release = r.c.calls.shared.Hold()
	return r.c.calls.shared.Floats(), release
}

// Forward asks the plugin for the outputs.
func (r remote) Forward(shapes []expr.Shape, in [][]float32, out []float32) error {
	return r.c.call(&methodv1.CallRequest{
		Op: r.op, Pass: methodv1.Pass_PASS_FORWARD, Inputs: toproto.ShapesOf(shapes), Outputs: int64(len(out)),
	}, in, out)
}

// Backward asks the plugin for the gradients of the inputs.
func (r remote) Backward(shapes []expr.Shape, in [][]float32, out, grad, into []float32) error {
	reads := append(append(make([][]float32, 0, len(in)+2), in...), out, grad)
	return r.c.call(&methodv1.CallRequest{
		Op: r.op, Pass: methodv1.Pass_PASS_BACKWARD, Inputs: toproto.ShapesOf(shapes), Outputs: int64(len(out)),
	}, reads, into)
}

// call asks for an op. A plugin that does not answer in time is killed: it may still write into the memory of later calls.
func (c *Client) call(m *methodv1.CallRequest, reads [][]float32, result []float32) error {
	c.calls.mu.Lock()
	defer c.calls.mu.Unlock()
	if c.calls.life == nil {
		return errors.New("the plugin was not opened")
	}
	ctx, cancel := context.WithTimeout(c.calls.life, c.calls.timeout)
	defer cancel()
	exchange := c.exchangeShared
	if c.calls.inline {
		exchange = c.exchangeInline
	}
	err := exchange(ctx, m, reads, result)
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		c.process.kill()
	}
	return err
}

func (c *Client) exchangeShared(ctx context.Context, m *methodv1.CallRequest, reads [][]float32, result []float32) error {
	all := c.calls.shared.Floats()
	at := 0
	for _, part := range reads {
		if at+len(part) > len(all) {
			return fmt.Errorf("the call needs more than the %d numbers of shared memory", len(all))
		}
		place(all[at:], part)
		at += len(part)
	}
	if at+len(result) > len(all) {
		return fmt.Errorf("the call needs more than the %d numbers of shared memory", len(all))
	}
	if _, err := c.ask(ctx, m); err != nil {
		return err
	}
	place(result, all[at:])
	return nil
}

// place copies numbers to where they belong, unless they are there.
func place(to, from []float32) {
	if unsafe.SliceData(to) != unsafe.SliceData(from) {
		copy(to, from)
	}
}

// messageSlack is what a message of tensors holds beside them.
const messageSlack = 64 << 10

func (c *Client) exchangeInline(ctx context.Context, m *methodv1.CallRequest, reads [][]float32, result []float32) error {
	size := 0
	for _, part := range reads {
		size += 4 * len(part)
	}
	if largest := max(size, 4*len(result)); largest > wire.MaxBytes-messageSlack {
		return fmt.Errorf("tensors of %d bytes do not fit into a message, and there is no shared memory here", largest)
	}
	m.Tensors = make([]byte, 0, size)
	for _, part := range reads {
		m.Tensors, _ = binary.Append(m.Tensors, binary.LittleEndian, part) // no slice of numbers can fail
	}
	answer, err := c.ask(ctx, m)
	if err != nil {
		return err
	}
	if len(answer) != 4*len(result) {
		return fmt.Errorf("it answers with %d bytes; %d numbers were asked for", len(answer), len(result))
	}
	_, err = binary.Decode(answer, binary.LittleEndian, result)
	return err
}

func (c *Client) ask(ctx context.Context, m *methodv1.CallRequest) ([]byte, error) {
	answer, err := c.service.Call(ctx, m)
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	return answer.GetResult(), c.refused(answer.GetDiagnostics())
}
