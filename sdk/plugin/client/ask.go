package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
	"github.com/sslctl/sslctl/sdk/wire/diag"
	"github.com/sslctl/sslctl/sdk/wire/fromproto"
	methodv1 "github.com/sslctl/sslctl/sdk/wire/sslctl/method/v1"
	"github.com/sslctl/sslctl/sdk/wire/toproto"
)

// maxDescription bounds a description, which is text for people.
const maxDescription = 1 << 20

// Refusal is an answer that is no: the plugin works and says what is wrong with the question or with its method.
type Refusal struct{ Diagnostics []diag.Diagnostic }

// Error is one diagnostic a line, with its details, of which a plugin may say too much.
func (r *Refusal) Error() string {
	var lines []string
	for _, d := range r.Diagnostics {
		lines = append(lines, clip(strings.TrimRight(d.Summary+"\n"+d.Detail, "\n"), maxWords))
	}
	return clip(strings.Join(lines, "\n"), 2*maxWords)
}

// Describe asks the plugin what it is.
func (c *Client) Describe(ctx context.Context) (wire.Kind, method.Description, error) {
	m, err := c.service.Describe(ctx, &methodv1.DescribeRequest{}, grpc.MaxCallRecvMsgSize(maxDescription))
	if err != nil {
		return "", method.Description{}, c.broken(ctx, err)
	}
	if err := c.refused(m.GetDiagnostics()); err != nil {
		return "", method.Description{}, err
	}
	kind, err := wire.KindOf(m.GetKind())
	if err != nil {
		return "", method.Description{}, err
	}
	d, err := fromproto.Description(m.GetDescription())
	return kind, d, err
}

// Trace asks a method for its recipe and objective.
func (c *Client) Trace(ctx context.Context, params map[string]any, s method.Shapes) (*method.Traced, error) {
	data, err := c.trace(ctx, params, &methodv1.TraceRequest{Shapes: toproto.Shapes(s)})
	if err != nil {
		return nil, err
	}
	t, err := wire.UnmarshalTraced(data)
	if err == nil && (len(t.Regularisers) > 0 || t.Backbone != nil) {
		err = errors.New("a method answers with regularisers or a backbone")
	}
	return t.Method, err
}

// TraceRegulariser asks a regulariser for its penalty; unit says that the rows were l2-normalised.
func (c *Client) TraceRegulariser(ctx context.Context, params map[string]any, s method.Shapes, unit bool) (*expr.Program, error) {
	data, err := c.trace(ctx, params, &methodv1.TraceRequest{Shapes: toproto.Shapes(s), Unit: unit})
	if err != nil {
		return nil, err
	}
	return wire.UnmarshalPenalty(data)
}

// TraceBackbone asks a backbone for its network over images of a kind.
func (c *Client) TraceBackbone(ctx context.Context, params map[string]any, im backbone.Images) (*backbone.Network, error) {
	data, err := c.trace(ctx, params, &methodv1.TraceRequest{Images: toproto.Images(im)})
	if err != nil {
		return nil, err
	}
	n, err := wire.UnmarshalNetwork(data)
	if err == nil && n.Images != im {
		err = fmt.Errorf("it answers for images of %d pixels and %d channels, not %d and %d", n.Images.Size, n.Images.Channels, im.Size, im.Channels)
	}
	return n, err
}

// trace asks what the request says but for the hyper-parameters.
func (c *Client) trace(ctx context.Context, params map[string]any, request *methodv1.TraceRequest) (encoded []byte, err error) {
	if request.Params, err = toproto.Settings(params); err != nil {
		return nil, err
	}
	m, err := c.service.Trace(ctx, request)
	if err != nil {
		return nil, c.broken(ctx, err)
	}
	return m.GetTraced(), c.refused(m.GetDiagnostics())
}

// refused logs warnings and makes an error of the rest.
func (c *Client) refused(m []*methodv1.Diagnostic) error {
	all := fromproto.Diagnostics(m)
	for _, d := range all {
		if d.Severity == diag.Warning {
			c.logger.Warn(d.Summary, zap.String("detail", d.Detail), zap.String("param", d.Param), zap.String("source", d.Source))
		}
	}
	if failed := diag.Errors(all); len(failed) > 0 {
		return &Refusal{failed}
	}
	return nil
}

// broken says what a failed call means.
func (c *Client) broken(ctx context.Context, err error) error {
	switch status.Code(err) {
	case codes.DeadlineExceeded, codes.Canceled:
		if ctx.Err() != nil {
			return fmt.Errorf("it did not answer: %w", ctx.Err())
		}
		if status.Code(err) == codes.DeadlineExceeded { // its clock is a little ahead of ours
			return fmt.Errorf("it did not answer: %w", context.DeadlineExceeded)
		}
	case codes.ResourceExhausted:
		return fmt.Errorf("its answer is too large: %s", status.Convert(err).Message())
	case codes.Unimplemented:
		return fmt.Errorf("it does not know the question: %s", status.Convert(err).Message())
	case codes.Unavailable:
		select {
		case <-c.process.done:
			if why := c.process.why(); why != nil {
				return fmt.Errorf("%w%s", why, lastWords(c.process.words.String()))
			}
			return fmt.Errorf("it crashed (%v)%s", c.process.state(), lastWords(c.process.words.String()))
		case <-time.After(closeGrace):
		}
	}
	return fmt.Errorf("%s: %s", status.Code(err), clip(status.Convert(err).Message(), maxWords))
}
