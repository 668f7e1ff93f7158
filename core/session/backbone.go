package session

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/data"
	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/method"
	"github.com/sslctl/sslctl/sdk/wire"
)

// ShippedBackbones names the backbones that need no plugin.
func ShippedBackbones() []string {
	var names []string
	for _, e := range backbones.List() {
		names = append(names, e.Name)
	}
	return names
}

// backboneLayer is the configuration's layer of a backbone: its hyper-parameters' defaults and the digest of its plugin; empty
// for a shipped one. The description is that of the plugin.
func (s *Session) backboneLayer(ctx context.Context, name string) (layer map[string]any, d method.Description, err error) {
	if slices.Contains(ShippedBackbones(), name) {
		return map[string]any{}, d, s.Host.Clash(wire.Backbone, name)
	}
	ref, err := s.Host.Find(wire.Backbone, name)
	if err != nil {
		return nil, d, err
	}
	if d, err = s.Host.Describe(ctx, ref); err != nil {
		return nil, d, err
	}
	for _, p := range d.Params {
		if slices.Contains(config.OwnBackboneKeys(), p.Name) {
			return nil, d, fault.New(fault.Plugin, "rename it in the plugin: "+strings.Join(config.OwnBackboneKeys(), ", ")+" are keys of the configuration",
				"%s has a hyper-parameter %q", ref, p.Name)
		}
	}
	layer = defaults(d)
	layer["plugin"] = ref.SHA256
	return layer, d, nil
}

// checkBackbone holds what is set below backbone to what the backbone is, before any plugin is asked to trace. The layer and
// the description are those of backboneLayer.
func checkBackbone(c config.Backbone, layer map[string]any, d method.Description) error {
	found, isPlugin := layer["plugin"]
	switch {
	case !isPlugin && c.Plugin != "":
		return fault.New(fault.Usage, "leave backbone.plugin out", "the backbone %q needs no plugin, but backbone.plugin names one", c.Name)
	case !isPlugin:
		return nil
	case c.Plugin != found:
		return fault.New(fault.Plugin, "install the plugin of that SHA-256, or leave backbone.plugin out to take the one that is there",
			"the configuration wants the backbone %q of the SHA-256 %.12s, the one found has %.12s", c.Name, c.Plugin, found)
	case len(c.Widths) > 0 || c.Pool != 0 || c.Stem != "auto":
		return fault.New(fault.Usage, "sslctl backbone describe "+c.Name+" shows its hyper-parameters",
			"backbone.widths, pool and stem are of shipped backbones; %q is a plugin", c.Name)
	}
	return checkParams(wire.Backbone, d, c.Params)
}

// traceBackbone asks the plugin of a configuration's backbone for its network; a shipped one needs none.
func (s *Session) traceBackbone(ctx context.Context, c config.Backbone, im backbone.Images, p *Program) error {
	if slices.Contains(ShippedBackbones(), c.Name) {
		return nil
	}
	ref, err := s.Host.Find(wire.Backbone, c.Name)
	if err != nil {
		return err
	}
	if c.Plugin != "" && ref.SHA256 != c.Plugin {
		return fault.New(fault.Plugin, "start again", "%s changed while it was asked", ref)
	}
	p.Backbone, p.BackbonePlugin, err = s.Host.TraceBackbone(ctx, ref, maps.Clone(c.Params), im)
	return err
}

// Images are those that a configuration's backbone sees of a data set.
func Images(c config.Config, d *data.Splits) backbone.Images {
	im := backbone.Images{Size: c.Data.Size, Channels: d.Train.Channels()}
	if im.Size == 0 {
		im.Size = d.Train.Size()
	}
	return im
}

// Network is what makes the representations of a configuration: the traced network of a plugin, or a shipped one.
func (p *Program) Network(c config.Config) (backbones.Backbone, error) {
	if p.Backbone != nil {
		return p.Backbone, nil
	}
	o := backbones.Options{Widths: c.Backbone.Widths, Pool: c.Backbone.Pool}
	if c.Backbone.Stem != "auto" {
		o.Stem = backbones.Stem(c.Backbone.Stem)
	}
	b, err := backbones.New(c.Backbone.Name, o)
	if err != nil {
		return nil, fault.New(fault.Usage, "set backbone.name, backbone.widths, backbone.pool or backbone.stem", "%w", err)
	}
	return b, nil
}

// Shapes are those for which a configuration's objective is traced, with the representations of its network.
func Shapes(c config.Config, network backbones.Backbone) method.Shapes {
	return method.Shapes{Batch: c.Train.Batch, Views: len(c.Augment.Views), Representation: network.Features()}
}

// backboneText is the readable form of a plugin's network.
func (p *Program) backboneText() string {
	if p.Backbone == nil {
		return ""
	}
	return fmt.Sprintf("\n# backbone %s: the network of 2 images; that of 3 is stored beside it, and gives that of any number\n%s", p.BackbonePlugin.Name, p.Backbone.Two)
}
