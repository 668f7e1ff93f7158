// Package conform proves a plugin right as its host sees it: the checks of sdk/sdktest through the plugin's own process,
// and a short training on real images with the verdict on collapse.
//
// Callers need [Check]. Nothing is left of it: the plugin's processes have ended and the training's run folder is removed.
package conform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/experiment"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/core/session"
	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/sdktest"
	"github.com/sslctl/sslctl/sdk/wire"
)

// Options say what is trained on, beside the plugin.
type Options struct {
	Host *host.Host
	Log  *zap.Logger
	Data string // data set or folder of the training
	Dir  string // folder of the data set's files; "" for the usual ones
	// Steps of the training; 0 for none.
	Steps int
}

// batch of the training: small, so that a few hundred images are enough.
const batch = 64

// The shipped methods that others are trained with. The one that a regulariser joins has no term of its own against collapse
// but a stopped gradient; the one that trains a backbone has, so that a collapse is the backbone's.
const (
	carrier = "simsiam"
	teacher = "vicreg"
)

// Check asks the plugin everything and trains it. The error is of what could not be asked at all; whatever the plugin did
// wrong is a failed result.
func Check(ctx context.Context, ref host.Ref, o Options) ([]sdktest.Result, error) {
	results := ask(ctx, ref, o.Host)
	if o.Steps > 0 && ctx.Err() == nil {
		results = append(results, train(ctx, ref, o))
	}
	return results, ctx.Err()
}

// ask makes every check but the training.
func ask(ctx context.Context, ref host.Ref, h *host.Host) []sdktest.Result {
	c := &conversation{host: h, ref: ref}
	defer c.close()
	if ref.Kind == wire.Backbone {
		return sdktest.CheckBackbone(ctx, c.network())
	}
	return sdktest.Check(ctx, c.subject(ctx))
}

// conversation is a plugin as a subject. Plugins that compute custom ops stay until it is closed.
type conversation struct {
	host        *host.Host
	ref         host.Ref
	connections []*host.Connection
}

func (c *conversation) close() {
	for _, conn := range c.connections {
		conn.Close()
	}
}

// subject asks within ctx, for which its custom ops live.
func (c *conversation) subject(life context.Context) sdktest.Subject {
	return sdktest.Subject{Kind: c.ref.Kind,
		Describe: func(ctx context.Context) (method.Description, error) { return c.host.Describe(ctx, c.ref) },
		Trace: func(ctx context.Context, params map[string]any, s method.Shapes, unit bool) (sdktest.Objective, error) {
			if c.ref.Kind == wire.Regulariser {
				return c.penalty(ctx, life, params, s, unit)
			}
			return c.objective(ctx, life, params, s)
		}}
}

func (c *conversation) network() sdktest.BackboneSubject {
	return sdktest.BackboneSubject{
		Describe: func(ctx context.Context) (method.Description, error) { return c.host.Describe(ctx, c.ref) },
		Trace: func(ctx context.Context, params map[string]any, im backbone.Images) (*backbone.Network, error) {
			n, _, err := c.host.TraceBackbone(ctx, c.ref, params, im)
			return n, err
		}}
}

func (c *conversation) objective(ctx, life context.Context, params map[string]any, s method.Shapes) (sdktest.Objective, error) {
	t, _, err := c.host.Trace(ctx, c.ref, params, s)
	if err != nil {
		return sdktest.Objective{}, err
	}
	if len(t.Program.CustomOps()) > 0 {
		conn, err := c.host.Connect(life, c.ref, params, s, t)
		if err != nil {
			return sdktest.Objective{}, err
		}
		c.connections = append(c.connections, conn)
	}
	return sdktest.Of(t), nil
}

func (c *conversation) penalty(ctx, life context.Context, params map[string]any, s method.Shapes, unit bool) (sdktest.Objective, error) {
	p, _, err := c.host.TraceRegulariser(ctx, c.ref, params, s, unit)
	if err != nil {
		return sdktest.Objective{}, err
	}
	if len(p.CustomOps()) > 0 {
		conn, err := c.host.ConnectRegulariser(life, c.ref, params, s, unit, p)
		if err != nil {
			return sdktest.Objective{}, err
		}
		c.connections = append(c.connections, conn)
	}
	return sdktest.OfPenalty(p), nil
}

// train is the last check.
func train(ctx context.Context, ref host.Ref, o Options) (r sdktest.Result) {
	began := time.Now()
	r = sdktest.Result{Check: "training", Status: sdktest.Passed}
	defer func() { r.Took = time.Since(began) }()
	says, healthy, err := smoke(ctx, ref, o)
	switch {
	case fault.CodeOf(err) == fault.Data:
		r.Status, r.Says = sdktest.Warned, fmt.Sprintf("not trained, for want of images (%v): name some with --data", err)
	case err != nil:
		r.Status, r.Says = sdktest.Failed, err.Error()
	default:
		if r.Says = says; !healthy {
			r.Status = sdktest.Warned
		}
	}
	return r
}

func smoke(ctx context.Context, ref host.Ref, o Options) (says string, healthy bool, err error) {
	out, err := os.MkdirTemp("", "sslctl-plugin-test-")
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(out)) }()
	s := &session.Session{Host: o.Host}
	resolved, err := s.Resolve(ctx, config.Layers{Flags: flags(ref, o, out)})
	if err != nil {
		return "", false, err
	}
	c, _ := experiment.Choose(resolved.Config())
	result, _, err := experiment.Start(ctx, c, experiment.Options{Session: s, Log: o.Log})
	if err != nil {
		return "", false, err
	}
	says = fmt.Sprintf("%d steps of %d images of %s, loss %.4g at the end, verdict on collapse: %s",
		result.Steps, batch, result.Dataset, float64(result.Loss), result.Collapse.Verdict)
	if !result.Collapse.Healthy && len(result.Collapse.Evidence) > 0 {
		says += "; " + result.Collapse.Evidence[0].Says
	}
	return says, result.Collapse.Healthy, nil
}

// flags are the configuration of the training.
func flags(ref host.Ref, o Options, out string) map[string]any {
	f := map[string]any{
		"data.name": o.Data, "data.dir": o.Dir, "train.steps": o.Steps, "train.batch": batch, "data.limit": o.Steps * batch, "schedule.warmup_steps": 5, "out": out,
		"probe.linear": false, "probe.knn": false, "probe.online": false, "probe.baselines": false, "probe.few": 0.0, "probe.every": 0,
	}
	switch ref.Kind {
	case wire.Regulariser:
		f["method"], f["reg."+ref.Name+".weight"] = carrier, 1.0
	case wire.Backbone:
		f["method"], f["backbone.name"] = teacher, ref.Name
	default:
		f["method"] = ref.Name
	}
	return f
}
