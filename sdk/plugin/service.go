package plugin

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"google.golang.org/grpc"

	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
	"github.com/sslctl/sslctl/sdk/wire/diag"
	"github.com/sslctl/sslctl/sdk/wire/fromproto"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
	"github.com/sslctl/sslctl/sdk/wire/toproto"
)

// tracer writes an objective, penalty or network down for what a request asks.
type tracer func(params map[string]any, m *methodv1.TraceRequest) (answer, error)

// answer is an encoded program with the code of its custom ops, which stays here.
type answer struct {
	encoded []byte
	ops     map[string]expr.Code
}

func methodTracer(m method.Method) tracer {
	return func(params map[string]any, request *methodv1.TraceRequest) (answer, error) {
		s, err := fromproto.Shapes(request.GetShapes())
		if err != nil {
			return answer{}, err
		}
		t, err := method.Trace(m, params, s)
		if err != nil {
			return answer{}, err
		}
		encoded, err := wire.MarshalTraced(wire.Traced{Method: t})
		return answer{encoded, t.Program.Ops}, err
	}
}

func regulariserTracer(r method.Regulariser) tracer {
	return func(params map[string]any, request *methodv1.TraceRequest) (answer, error) {
		s, err := fromproto.Shapes(request.GetShapes())
		if err != nil {
			return answer{}, err
		}
		p, err := method.TraceRegulariser(r, params, s, request.GetUnit())
		if err != nil {
			return answer{}, err
		}
		encoded, err := wire.MarshalPenalty(p)
		return answer{encoded, p.Ops}, err
	}
}

func backboneTracer(b backbone.Backbone) tracer {
	return func(params map[string]any, request *methodv1.TraceRequest) (answer, error) {
		images, err := fromproto.Images(request.GetImages())
		if err != nil {
			return answer{}, err
		}
		n, err := backbone.Trace(b, params, images)
		if err != nil {
			return answer{}, err
		}
		encoded, err := wire.MarshalNetwork(n)
		return answer{encoded: encoded}, err
	}
}

// service answers for one plugin.
type service struct {
	methodv1.UnimplementedPluginServiceServer
	kind     wire.Kind
	describe func() method.Description
	trace    tracer
	asked    sync.Once
	calls    calls
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

// Trace writes the objective, penalty or network down.
func (s *service) Trace(_ context.Context, m *methodv1.TraceRequest) (*methodv1.TraceResponse, error) {
	s.asked.Do(keepStreams)
	traced, err := s.answer(m)
	if err != nil {
		return &methodv1.TraceResponse{Diagnostics: toproto.Diagnostics(diag.Of(err))}, nil
	}
	return &methodv1.TraceResponse{Traced: traced.encoded}, nil
}

func (s *service) answer(m *methodv1.TraceRequest) (answer, error) {
	params, err := fromproto.Settings(m.GetParams())
	if err != nil {
		return answer{}, err
	}
	return s.trace(params, m)
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
		case *methodv1.OpenRequest:
			response, err = &methodv1.OpenResponse{Diagnostics: complaint}, nil
		case *methodv1.CallRequest:
			response, err = &methodv1.CallResponse{Diagnostics: complaint}, nil
		default:
			panic(r) // of go-plugin's own services, whose answers are not known here
		}
	}()
	return next(ctx, request)
}
