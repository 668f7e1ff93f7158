package plugin

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"google.golang.org/grpc"

	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
	"github.com/sslctl/sslctl/sdk/wire/diag"
	"github.com/sslctl/sslctl/sdk/wire/fromproto"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
	"github.com/sslctl/sslctl/sdk/wire/toproto"
)

// tracer writes an objective or penalty down, encoded.
type tracer func(params map[string]any, s method.Shapes, unit bool) ([]byte, error)

func methodTracer(m method.Method) tracer {
	return func(params map[string]any, s method.Shapes, _ bool) ([]byte, error) {
		t, err := method.Trace(m, params, s)
		if err != nil {
			return nil, err
		}
		return wire.MarshalTraced(wire.Traced{Method: t})
	}
}

func regulariserTracer(r method.Regulariser) tracer {
	return func(params map[string]any, s method.Shapes, unit bool) ([]byte, error) {
		p, err := method.TraceRegulariser(r, params, s, unit)
		if err != nil {
			return nil, err
		}
		return wire.MarshalPenalty(p)
	}
}

// service answers for one method or regulariser.
type service struct {
	methodv1.UnimplementedPluginServiceServer
	kind     wire.Kind
	describe func() method.Description
	trace    tracer
	asked    sync.Once
}

var _ methodv1.PluginServiceServer = (*service)(nil)

func newService(kind wire.Kind, describe func() method.Description, trace tracer) *service {
	return &service{kind: kind, describe: describe, trace: trace}
}

// Describe says what the plugin is.
func (s *service) Describe(context.Context, *methodv1.DescribeRequest) (*methodv1.DescribeResponse, error) {
	s.asked.Do(keepStreams)
	out := &methodv1.DescribeResponse{Kind: s.kind.Proto()}
	d, err := toproto.Description(s.describe())
	if err != nil {
		out.Diagnostics = toproto.Diagnostics(diag.Of(err))
		return out, nil
	}
	out.Description = d
	return out, nil
}

// Trace writes the objective or penalty down.
func (s *service) Trace(_ context.Context, m *methodv1.TraceRequest) (*methodv1.TraceResponse, error) {
	s.asked.Do(keepStreams)
	traced, err := s.answer(m)
	if err != nil {
		return &methodv1.TraceResponse{Diagnostics: toproto.Diagnostics(diag.Of(err))}, nil
	}
	return &methodv1.TraceResponse{Traced: traced}, nil
}

func (s *service) answer(m *methodv1.TraceRequest) ([]byte, error) {
	params, err := fromproto.Settings(m.GetParams())
	if err != nil {
		return nil, err
	}
	shapes, err := fromproto.Shapes(m.GetShapes())
	if err != nil {
		return nil, err
	}
	return s.trace(params, shapes, m.GetUnit())
}

// recoverPanic makes a panic an answer: as a broken connection it would reach the user without a word of its cause.
func recoverPanic(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (response any, err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		complaint := toproto.Diagnostics(diag.Of(fmt.Errorf("the plugin panicked: %v\n%s", r, debug.Stack())))
		switch request.(type) {
		case *methodv1.DescribeRequest:
			response, err = &methodv1.DescribeResponse{Diagnostics: complaint}, nil
		case *methodv1.TraceRequest:
			response, err = &methodv1.TraceResponse{Diagnostics: complaint}, nil
		default:
			panic(r) // of go-plugin's own services, whose answers are not known here
		}
	}()
	return next(ctx, request)
}
