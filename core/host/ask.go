package host

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/expr"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/plugin"
	"github.com/sslctl/sslctl/sdk/plugin/client"
	"github.com/sslctl/sslctl/sdk/wire"
)

// Provenance says which plugin made a program.
type Provenance struct {
	Kind     wire.Kind
	Name     string
	Version  string // of the method's implementation
	Path     string // of the executable; "" for what the binary ships
	SHA256   string // of the executable; "" for what the binary ships
	Protocol int    // version that host and plugin spoke
}

// Describe asks a plugin what it is.
func (h *Host) Describe(ctx context.Context, ref Ref) (d method.Description, err error) {
	_, err = h.ask(ctx, ref, func(_ context.Context, _ *client.Client, answer method.Description) error {
		d = answer
		return nil
	})
	return d, err
}

// Trace asks a method for its recipe and objective. Hyper-parameters that the plugin refuses are a fault of usage; a
// program that contradicts the shapes or itself is a fault of the plugin.
func (h *Host) Trace(ctx context.Context, ref Ref, params map[string]any, s method.Shapes) (t *method.Traced, p Provenance, err error) {
	p, err = h.ask(ctx, ref, func(ctx context.Context, c *client.Client, _ method.Description) (err error) {
		if t, err = c.Trace(ctx, params, s); err != nil {
			return err
		}
		return checkTraced(t, s)
	})
	if err != nil {
		return nil, Provenance{}, err
	}
	return t, p, nil
}

// TraceRegulariser asks a regulariser for its penalty over views of s.Batch rows and s.Embedding columns; unit says that
// the rows were l2-normalised.
func (h *Host) TraceRegulariser(ctx context.Context, ref Ref, params map[string]any, s method.Shapes, unit bool) (program *expr.Program, p Provenance, err error) {
	p, err = h.ask(ctx, ref, func(ctx context.Context, c *client.Client, _ method.Description) (err error) {
		if program, err = c.TraceRegulariser(ctx, params, s, unit); err != nil {
			return err
		}
		return checkPenalty(program, s)
	})
	if err != nil {
		return nil, Provenance{}, err
	}
	return program, p, nil
}

// TraceBackbone asks a backbone for its network over images of a kind. Errors are those of Trace.
func (h *Host) TraceBackbone(ctx context.Context, ref Ref, params map[string]any, im backbone.Images) (n *backbone.Network, p Provenance, err error) {
	p, err = h.ask(ctx, ref, func(ctx context.Context, c *client.Client, _ method.Description) (err error) {
		n, err = c.TraceBackbone(ctx, params, im)
		return err
	})
	if err != nil {
		return nil, Provenance{}, err
	}
	return n, p, nil
}

// question is asked of a running plugin that has described itself.
type question func(context.Context, *client.Client, method.Description) error

// ask starts a plugin, lets it describe itself, asks and ends it.
func (h *Host) ask(ctx context.Context, ref Ref, q question) (Provenance, error) {
	ctx, leave, err := h.enter(ctx)
	if err != nil {
		return Provenance{}, err
	}
	defer leave()
	began := time.Now()
	p, err := h.converse(ctx, ref, q)
	if err != nil {
		return Provenance{}, h.blame(ctx, ref, err)
	}
	h.logger.Debug("asked a plugin", zap.Stringer("plugin", ref), zap.String("version", p.Version), zap.Duration("took", time.Since(began)))
	return p, nil
}

func (h *Host) converse(ctx context.Context, ref Ref, q question) (Provenance, error) {
	config, err := h.config(ref)
	if err != nil {
		return Provenance{}, err
	}
	c, err := client.Start(ctx, config)
	if err != nil {
		return Provenance{}, err
	}
	defer c.Close()
	d, err := h.describe(ctx, ref, c)
	if err != nil {
		return Provenance{}, err
	}
	limited, cancel := context.WithTimeout(ctx, h.options.TraceTimeout)
	defer cancel()
	if err := q(limited, c, d); err != nil {
		return Provenance{}, err
	}
	return Provenance{Kind: ref.Kind, Name: d.Name, Version: d.Version, Path: ref.Path, SHA256: ref.SHA256, Protocol: c.Protocol()}, nil
}

// describe also holds the plugin to its file's name, under which it was found.
func (h *Host) describe(ctx context.Context, ref Ref, c *client.Client) (method.Description, error) {
	limited, cancel := context.WithTimeout(ctx, h.options.DescribeTimeout)
	defer cancel()
	kind, d, err := c.Describe(limited)
	if err == nil && (kind != ref.Kind || d.Name != ref.Name) {
		err = fmt.Errorf("it calls itself %s %q", kind, d.Name)
	}
	return d, err
}

func (h *Host) config(ref Ref) (client.Config, error) {
	config := client.Config{
		Path: ref.Path, Env: environment(), StartTimeout: h.options.StartTimeout, Memory: h.options.Memory,
		Logger: h.logger.Named(ref.Name),
	}
	if ref.Shipped() {
		config.Path = h.options.Self
		config.Env = append(config.Env, plugin.ServeKey+"="+plugin.Request(ref.Kind, ref.Name))
		return config, nil
	}
	var err error
	if config.SHA256, err = hex.DecodeString(ref.SHA256); err != nil || len(config.SHA256) == 0 {
		return config, fmt.Errorf("%q is no SHA-256", ref.SHA256)
	}
	return config, nil
}

// blame says whose fault an error is. That the caller gave up is nobody's.
func (h *Host) blame(ctx context.Context, ref Ref, err error) error {
	var refusal *client.Refusal
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("ask %s: %w", ref, context.Cause(ctx))
	case errors.Is(err, client.ErrChecksum):
		return mismatch(ref, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Plugin, "log its steps with --log-level debug", "%s: it did not answer in time: %w", ref, err)
	case errors.As(err, &refusal) && refusal.Diagnostics[0].Param != "":
		return fault.New(fault.Usage, fmt.Sprintf("sslctl %s describe %s lists the hyper-parameters", ref.Kind, ref.Name), "%s: %w", ref, err)
	}
	return fault.New(fault.Plugin, "this is the plugin's fault, not yours; report it to its author", "%s: %w", ref, err)
}
