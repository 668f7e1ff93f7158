// Package session turns what a user said - layers of configuration - into what a run needs: it asks the method's plugin,
// resolves the configuration, traces the objective and the regularisers, and opens the data set.
//
// Most callers need [Session.Resolve], then [Session.Trace] and [Open]. A run folder answers the same questions without
// any plugin: [Restore].
package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/core/model"
	"github.com/sslctl/sslctl/core/run"
	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
)

// Session asks plugins on behalf of one command.
type Session struct{ Host *host.Host }

// ReservedEnv lists variables with the configuration's prefix that are read elsewhere.
func ReservedEnv() []string {
	return []string{"SSLCTL_DATA_DIR", "SSLCTL_MIRROR", "SSLCTL_PLUGIN", "SSLCTL_GOLDEN", "SSLCTL_RUN_TEST", "SSLCTL_TEST", "SSLCTL_CUDA_PATH", "SSLCTL_NVRTC", "SSLCTL_CUDA_HEADERS"}
}

// Resolve asks the method and the regularisers that the layers name for their defaults, and merges all layers. The layers'
// own Params, Regs and Preset are set here. A layer that names no method is an error, a preset that the method lacks too.
func (s *Session) Resolve(ctx context.Context, l config.Layers) (*config.Resolved, error) {
	return s.resolve(ctx, l, func(d method.Description) string { return d.Presets[0].Name })
}

// ResolvePlain is Resolve without a preset where none is named: hyper-parameters are the method's own defaults. It is for
// what does not train.
func (s *Session) ResolvePlain(ctx context.Context, l config.Layers) (*config.Resolved, error) {
	return s.resolve(ctx, l, func(method.Description) string { return "" })
}

func (s *Session) resolve(ctx context.Context, l config.Layers, standard func(method.Description) string) (*config.Resolved, error) {
	l.ReservedEnv = append(slices.Clone(l.ReservedEnv), ReservedEnv()...)
	peek, err := config.Peek(l)
	if err != nil {
		return nil, err
	}
	if peek.Method == "" {
		return nil, fault.New(fault.Usage, "name one with --method; sslctl method list shows them", "no method is named")
	}
	d, err := s.describe(ctx, wire.Method, peek.Method)
	if err != nil {
		return nil, err
	}
	if peek.Preset == "" && len(d.Presets) > 0 {
		peek.Preset = standard(d)
	}
	preset, err := presetOf(d, peek.Preset)
	if err != nil {
		return nil, err
	}
	l.Params, l.Preset = defaults(d), settings(preset)
	l.Regs = map[string]map[string]any{}
	for _, name := range peek.Reg.Names() {
		r, err := s.describe(ctx, wire.Regulariser, name)
		if err != nil {
			return nil, err
		}
		l.Regs[name] = defaults(r)
	}
	resolved, err := s.merge(ctx, l)
	if err != nil {
		return nil, err
	}
	return resolved, checkParams(wire.Method, d, resolved.Config().Params)
}

// ResolveMethodless merges layers that name no method, whose hyper-parameters then pass unchecked.
func (s *Session) ResolveMethodless(ctx context.Context, l config.Layers) (*config.Resolved, error) {
	l.ReservedEnv = append(slices.Clone(l.ReservedEnv), ReservedEnv()...)
	return s.merge(ctx, l)
}

// merge merges layers to which nothing is missing but the backbone's, which the preset may name.
func (s *Session) merge(ctx context.Context, l config.Layers) (*config.Resolved, error) {
	peek, err := config.Peek(l)
	if err != nil {
		return nil, err
	}
	layer, d, err := s.backboneLayer(ctx, peek.Backbone.Name)
	if err != nil {
		return nil, err
	}
	l.Backbone = layer
	resolved, err := config.Resolve(l)
	if err != nil {
		return nil, err
	}
	return resolved, checkBackbone(resolved.Config().Backbone, layer, d)
}

func (s *Session) describe(ctx context.Context, kind wire.Kind, name string) (method.Description, error) {
	ref, err := s.Host.Find(kind, name)
	if err != nil {
		return method.Description{}, err
	}
	return s.Host.Describe(ctx, ref)
}

// Foreign reports whether a configuration's method or one of its regularisers is a plugin that the binary does not ship. A
// backbone's plugin is part of the configuration.
func (s *Session) Foreign(c config.Config) (bool, error) {
	ref, err := s.Host.Locate(wire.Method, c.Method)
	found := !ref.Shipped()
	for _, name := range c.Reg.Names() {
		if err != nil {
			break
		}
		ref, err = s.Host.Locate(wire.Regulariser, name)
		found = found || !ref.Shipped()
	}
	return found, err
}

func presetOf(d method.Description, name string) (method.Preset, error) {
	if name == "" {
		return method.Preset{}, nil
	}
	var names []string
	for _, p := range d.Presets {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return method.Preset{}, fault.New(fault.Usage, "choose one of "+strings.Join(names, ", "), "%s has no preset %q", d.Name, name)
}

// settings are a preset's, with its views in the configuration's form.
func settings(p method.Preset) map[string]any {
	out := map[string]any{}
	for key, value := range p.Settings {
		out[key] = value
	}
	if len(p.Views) > 0 {
		views := make([]config.View, len(p.Views))
		for i, v := range p.Views {
			views[i] = config.View(v)
		}
		out["augment.views"] = views
	}
	return out
}

func defaults(d method.Description) map[string]any {
	out := map[string]any{}
	for _, p := range d.Params {
		out[p.Name] = p.Default
	}
	return out
}

// checkParams checks ranges and choices before any plugin is asked to trace.
func checkParams(kind wire.Kind, d method.Description, params map[string]any) error {
	_, err := method.Complete(d.Params, params)
	var bad *method.ParamError
	if errors.As(err, &bad) {
		return fault.New(fault.Usage, "sslctl "+string(kind)+" describe "+d.Name+" shows the hyper-parameters and their ranges", "%s: %w", d.Name, err)
	}
	return err
}

// Program is what the plugins answered for one configuration.
type Program struct {
	wire.Traced
	Plugin     host.Provenance   // the method's
	Penalisers []host.Provenance // the regularisers', in their order
	Title      string            // of the method's description

	BackbonePlugin host.Provenance // zero for a shipped backbone
}

// Trace asks a backbone that is a plugin for its network over the images, the method for its recipe and objective, and each
// regulariser for its penalty, at the configuration's shapes.
func (s *Session) Trace(ctx context.Context, c config.Config, im backbone.Images) (*Program, error) {
	ref, err := s.Host.Find(wire.Method, c.Method)
	if err != nil {
		return nil, err
	}
	p := &Program{}
	if err := s.traceBackbone(ctx, c.Backbone, im, p); err != nil {
		return nil, err
	}
	network, err := p.Network(c)
	if err != nil {
		return nil, err
	}
	shapes := Shapes(c, network)
	d, err := s.Host.Describe(ctx, ref)
	if err != nil {
		return nil, err
	}
	p.Title = d.Title
	if p.Method, p.Plugin, err = s.Host.Trace(ctx, ref, c.Params, shapes); err != nil {
		return nil, err
	}
	return p, s.Regularise(ctx, c.Reg, p, shapes)
}

// Regularise adds the penalties of a configuration's regularisers to a program, traced for embeddings of the given shapes.
func (s *Session) Regularise(ctx context.Context, c config.Reg, p *Program, shapes method.Shapes) error {
	for _, name := range c.Names() {
		ref, err := s.Host.Find(wire.Regulariser, name)
		if err != nil {
			return err
		}
		d, err := s.Host.Describe(ctx, ref)
		if err != nil {
			return err
		}
		q, err := ask(c, name, p.Method.Recipe, shapes)
		if err != nil {
			return err
		}
		program, plugin, err := s.Host.TraceRegulariser(ctx, ref, q.params, q.shapes, q.unit)
		if err != nil {
			return err
		}
		p.Regularisers = append(p.Regularisers, wire.Regularisation{
			Name: name, Term: termName(d), Weight: c.Terms[name].Weight, Program: program, On: c.On, Unit: q.unit,
		})
		p.Penalisers = append(p.Penalisers, plugin)
	}
	return nil
}

// question is what a regulariser is asked.
type question struct {
	params map[string]any
	shapes method.Shapes
	unit   bool
}

func ask(c config.Reg, name string, r method.Recipe, shapes method.Shapes) (question, error) {
	term := c.Terms[name]
	q := question{params: map[string]any{"weight": term.Weight}, shapes: shapes, unit: c.Space == "l2"}
	maps.Copy(q.params, term.Params)
	var err error
	q.shapes.Embedding, err = width(c.On, r, shapes)
	return q, err
}

// width is that of what a regulariser acts on.
func width(on string, r method.Recipe, s method.Shapes) (int, error) {
	if on == "y" {
		return s.Representation, nil
	}
	if s.Embedding > 0 {
		return s.Embedding, nil
	}
	if len(r.Projector) == 0 {
		return 0, fault.New(fault.Plugin, "", "the recipe has no projector")
	}
	return r.Projector[len(r.Projector)-1].Width, nil
}

// termName is the regulariser's name in tables: what stands before the colon of its title, as "variance".
func termName(d method.Description) string {
	name, _, found := strings.Cut(d.Title, ":")
	if !found || strings.ContainsAny(name, " \t") {
		return d.Name
	}
	return strings.ToLower(name)
}

// Penalties are the program's in the model's form.
func (p *Program) Penalties() []model.Regulariser {
	out := make([]model.Regulariser, len(p.Regularisers))
	for i, r := range p.Regularisers {
		out[i] = model.Regulariser(r)
	}
	return out
}

// Open opens the configuration's data set.
func Open(ctx context.Context, c config.Config, onSkip func(data.Skip)) (*data.Splits, error) {
	if c.Data.Name == "" {
		return nil, fault.New(fault.Usage, "name one with --data: a folder of images, or one of sslctl data list", "no data set is named")
	}
	s, err := data.Open(ctx, data.Options{Name: c.Data.Name, Dir: c.Data.Dir, OnCorrupt: c.Data.OnCorrupt, OnSkip: onSkip, Size: c.Data.Size})
	if err != nil || c.Data.Limit == 0 {
		return s, err
	}
	s.Train, err = data.Limit(s.Train, data.LimitOptions{Total: c.Data.Limit, Seed: limitSeed})
	return s, err
}

// limitSeed chooses the images of data.limit: the same ones for every run, so that runs compare.
const limitSeed = 1

// Restore reads configuration and program from a run folder.
func Restore(f *run.Folder) (config.Config, *Program, error) {
	c, err := config.Read(f.Dir() + "/config.yaml")
	if err != nil {
		return c, nil, err
	}
	encoded, err := f.Program()
	if err != nil {
		return c, nil, err
	}
	traced, err := wire.UnmarshalTraced(encoded)
	if err != nil {
		return c, nil, fault.New(fault.Data, "the run cannot be continued; start it again", "program of run %s: %w", f.ID(), err)
	}
	provenance, err := f.Provenance()
	if err != nil {
		return c, nil, err
	}
	p := &Program{Traced: traced, Plugin: began(wire.Method, provenance.Method), Title: provenance.Method.Title}
	for _, r := range provenance.Regularisers {
		p.Penalisers = append(p.Penalisers, began(wire.Regulariser, r))
	}
	if traced.Backbone != nil {
		if provenance.Backbone == nil {
			return c, nil, fault.New(fault.Data, "the run cannot be continued; start it again", "run %s has a backbone's network and does not say whose", f.ID())
		}
		p.BackbonePlugin = began(wire.Backbone, *provenance.Backbone)
	}
	return c, p, nil
}

func began(kind wire.Kind, p run.Plugin) host.Provenance {
	return host.Provenance{Kind: kind, Name: p.Name, Version: p.Version, Path: p.Path, SHA256: p.SHA256, Protocol: p.Protocol}
}

// Text is the readable form of all programs, for program.txt.
func (p *Program) Text() string {
	var s strings.Builder
	fmt.Fprintf(&s, "# objective: loss = %s\n", p.sum())
	if ops := p.CustomOps(); len(ops) > 0 {
		fmt.Fprintf(&s, "# custom ops: %s; to resume, the run needs the plugins that compute them\n", strings.Join(ops, ", "))
	}
	fmt.Fprint(&s, p.Method.Program)
	for _, r := range p.Regularisers {
		fmt.Fprintf(&s, "\n# regulariser %s on %s, weight %g\n%s", r.Name, r.On, r.Weight, r.Program)
	}
	s.WriteString(p.backboneText())
	return s.String()
}

func (p *Program) sum() string {
	parts := make([]string, len(p.Method.Terms))
	for i, term := range p.Method.Terms {
		parts[i] = fmt.Sprintf("%g·%s", p.Method.Weights[term], term)
	}
	return strings.Join(parts, " + ")
}
