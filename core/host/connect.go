package host

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin/client"
	"github.com/sslctl/sslctl/sdk/wire"
)

// Connection is a plugin that stays to compute the custom ops of a program. It ends with Close, with its context or with
// its host, whichever comes first; a call afterwards is an error.
type Connection struct {
	host   *Host
	ref    Ref
	life   context.Context
	client *client.Client
	close  func()
}

// Connect starts a method's plugin to compute the custom ops of t, which it traced before for the same hyper-parameters and
// shapes, in this process or in an earlier one. A plugin that traces something else now is at fault. The ops are joined to
// t.Program; ctx lasts as long as they are needed.
func (h *Host) Connect(ctx context.Context, ref Ref, params map[string]any, s method.Shapes, t *method.Traced) (*Connection, error) {
	return h.connect(ctx, ref, t.Program, func(limited, life context.Context, c *client.Client) (*expr.Program, error) {
		traced, err := c.Open(limited, life, params, s, false, h.options.CallTimeout)
		if err != nil {
			return nil, err
		}
		now, err := wire.UnmarshalTraced(traced)
		if err != nil {
			return nil, err
		}
		return now.Method.Program, nil
	})
}

// ConnectRegulariser is Connect for the penalty of a regulariser.
func (h *Host) ConnectRegulariser(ctx context.Context, ref Ref, params map[string]any, s method.Shapes, unit bool, p *expr.Program) (*Connection, error) {
	return h.connect(ctx, ref, p, func(limited, life context.Context, c *client.Client) (*expr.Program, error) {
		traced, err := c.Open(limited, life, params, s, unit, h.options.CallTimeout)
		if err != nil {
			return nil, err
		}
		return wire.UnmarshalPenalty(traced)
	})
}

// opening opens a plugin and returns what it traces now.
type opening func(limited, life context.Context, c *client.Client) (*expr.Program, error)

func (h *Host) connect(ctx context.Context, ref Ref, p *expr.Program, open opening) (*Connection, error) {
	life, leave, err := h.enter(ctx)
	if err != nil {
		return nil, err
	}
	conn := &Connection{host: h, ref: ref, life: life}
	if conn.client, err = h.open(life, ref, p, open); err != nil {
		err = h.blame(life, ref, err)
		leave()
		return nil, err
	}
	conn.close = sync.OnceFunc(func() {
		conn.client.Close()
		h.forget(conn)
		leave()
	})
	if !h.remember(conn) {
		conn.close()
		return nil, errClosed
	}
	p.Ops = map[string]expr.Code{}
	for _, op := range p.CustomOps() {
		p.Ops[op] = code{conn, conn.client.Code(op)}
	}
	h.logger.Debug("a plugin stays for its custom ops", zap.Stringer("plugin", ref), zap.Strings("ops", p.CustomOps()), zap.String("pid", conn.client.PID()))
	return conn, nil
}

// open starts the plugin and holds it to the program.
func (h *Host) open(life context.Context, ref Ref, p *expr.Program, open opening) (*client.Client, error) {
	config, err := h.config(ref)
	if err != nil {
		return nil, err
	}
	if config.Floats, err = client.Floats(p); err != nil {
		return nil, err
	}
	c, err := client.Start(life, config)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(life, h.options.TraceTimeout)
	defer cancel()
	_, err = h.describe(life, ref, c)
	var now *expr.Program
	if err == nil {
		now, err = open(limited, life, c)
	}
	if err == nil && wire.Digest(now) != wire.Digest(p) {
		err = errors.New("it traces another program than before, for the same hyper-parameters and shapes")
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close ends the plugin. It may be called again, and on nil.
func (c *Connection) Close() {
	if c != nil {
		c.close()
	}
}

// code lays the blame for a failed call.
type code struct {
	conn *Connection
	expr.Shared
}

var _ expr.Shared = code{}

// Forward computes the outputs in the plugin.
func (c code) Forward(shapes []expr.Shape, in [][]float32, out []float32) error {
	return c.conn.blame(c.Shared.Forward(shapes, in, out))
}

// Backward computes the gradients of the inputs in the plugin.
func (c code) Backward(shapes []expr.Shape, in [][]float32, out, grad, into []float32) error {
	return c.conn.blame(c.Shared.Backward(shapes, in, out, grad, into))
}

func (c *Connection) blame(err error) error {
	if err == nil {
		return nil
	}
	return c.host.blame(c.life, c.ref, err)
}

// remember keeps a connection for Close; false where the host is closed already.
func (h *Host) remember(c *Connection) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.connections[c] = true
	return true
}

func (h *Host) forget(c *Connection) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.connections, c)
}

// SameAs checks that a plugin is the one that a run began with, by the SHA-256 of its executable then; "" says that the
// binary served it itself.
func (r Ref) SameAs(sha256 string) error {
	if r.SHA256 == sha256 {
		return nil
	}
	was := "was the one shipped with sslctl"
	if sha256 != "" {
		was = fmt.Sprintf("had the SHA-256 %.12s", sha256)
	}
	return fault.New(fault.Plugin, "the run's custom ops are computed by the plugin, so it continues with the same one only: install that again, or start a new run",
		"%s is not the plugin that began the run, which %s", r, was)
}
