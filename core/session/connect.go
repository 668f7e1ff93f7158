package session

import (
	"context"
	"slices"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
)

// CustomOps lists the custom ops of all programs, each plugin's in alphabetical order; none for most.
func (p *Program) CustomOps() []string {
	ops := p.Method.Program.CustomOps()
	for _, r := range p.Regularisers {
		ops = append(ops, r.Program.CustomOps()...)
	}
	return ops
}

// Connect starts the plugins that compute the custom ops of a program, for the shapes for which it was traced; disconnect
// ends them. They must be the plugins that traced it, to the byte. Most programs need none, and nothing is started.
func (s *Session) Connect(ctx context.Context, c config.Config, p *Program, shapes method.Shapes) (disconnect func(), err error) {
	var open []*host.Connection
	disconnect = func() {
		for _, conn := range slices.Backward(open) {
			conn.Close()
		}
	}
	if len(p.Method.Program.CustomOps()) > 0 {
		conn, err := s.connectMethod(ctx, c, p, shapes)
		if err != nil {
			return nil, err
		}
		open = append(open, conn)
	}
	for i, r := range p.Regularisers {
		if len(r.Program.CustomOps()) == 0 {
			continue
		}
		conn, err := s.connectRegulariser(ctx, c.Reg, p, i, shapes)
		if err != nil {
			disconnect()
			return nil, err
		}
		open = append(open, conn)
	}
	return disconnect, nil
}

func (s *Session) connectMethod(ctx context.Context, c config.Config, p *Program, shapes method.Shapes) (*host.Connection, error) {
	ref, err := s.Host.Find(wire.Method, c.Method)
	if err == nil {
		err = ref.SameAs(p.Plugin.SHA256)
	}
	if err != nil {
		return nil, err
	}
	return s.Host.Connect(ctx, ref, c.Params, shapes, p.Method)
}

func (s *Session) connectRegulariser(ctx context.Context, c config.Reg, p *Program, i int, shapes method.Shapes) (*host.Connection, error) {
	r := p.Regularisers[i]
	ref, err := s.Host.Find(wire.Regulariser, r.Name)
	if err == nil && i < len(p.Penalisers) { // a run folder of an earlier version names none
		err = ref.SameAs(p.Penalisers[i].SHA256)
	}
	if err != nil {
		return nil, err
	}
	q, err := ask(c, r.Name, p.Method.Recipe, shapes)
	if err != nil {
		return nil, err
	}
	return s.Host.ConnectRegulariser(ctx, ref, q.params, q.shapes, q.unit, r.Program)
}
