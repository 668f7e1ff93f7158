package main

import (
	"context"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/config"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/sdk/backbone"
	"github.com/sslctl/sslctl/sdk/wire"
)

func (a *app) methodCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "method",
		Short: "List methods and regularisers, or describe one",
		Long: "A method is a plugin: an executable sslctl-method-NAME in one of the folders that are searched, or one that is shipped within\n" +
			"sslctl. A regulariser, sslctl-regulariser-NAME, joins any method by --add-reg.",
		Example: "  sslctl method list\n  sslctl method describe vicreg",
	}, a.listCommand(wire.Method), a.describeCommand(wire.Method))
}

func (a *app) regulariserCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:     "regulariser",
		Short:   "List regularisers, or describe one",
		Long:    "A regulariser is a penalty on the embeddings that joins any method: sslctl run --add-reg NAME.",
		Example: "  sslctl regulariser list\n  sslctl regulariser describe var",
	}, a.listCommand(wire.Regulariser), a.describeCommand(wire.Regulariser))
}

// pluginJSON is a line of the list for programs.
type pluginJSON struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Version string `json:"version"`
	Source  string `json:"source"` // "shipped", or the path of the executable
	SHA256  string `json:"sha256,omitempty"`
	Error   string `json:"error,omitempty"` // why it cannot be used
}

func (a *app) listCommand(kind wire.Kind) *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List " + string(kind) + "s with version and source",
		Long: "Finds every plugin and asks each what it is. Folders are searched in this order: --plugin-dir, $SSLCTL_PLUGIN_PATH,\n" +
			"./.sslctl/plugins, $XDG_DATA_HOME/sslctl/plugins, then what is shipped. The first of a name counts.",
		Example: "  sslctl " + string(kind) + " list\n  sslctl " + string(kind) + " list --plugin-dir ./bin --json",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.list(cmd.Context(), kind) },
	}
	return c
}

// list shows methods and regularisers, or regularisers alone.
func (a *app) list(ctx context.Context, kind wire.Kind) error {
	s, closeSession := a.session(a.logger())
	defer closeSession()
	all, err := s.Host.List(ctx)
	if err != nil {
		return err
	}
	byKind := map[wire.Kind][]pluginJSON{wire.Method: {}, wire.Regulariser: {}}
	for _, p := range all {
		byKind[p.Ref.Kind] = append(byKind[p.Ref.Kind], listed(p))
	}
	kinds := []wire.Kind{wire.Method, wire.Regulariser}
	if kind == wire.Regulariser {
		kinds = kinds[1:]
	}
	if a.json {
		out := map[string]any{}
		for _, k := range kinds {
			out[string(k)+"s"] = byKind[k]
		}
		return a.printJSON(out)
	}
	text := ""
	for i, k := range kinds {
		if i > 0 {
			text += "\n"
		}
		t := left(newTable(string(k), "title", "version", "source"), 4)
		for _, p := range byKind[k] {
			if p.Error != "" {
				p.Title = "unusable: " + p.Error
			}
			t.AppendRow(table.Row{p.Name, p.Title, p.Version, p.Source})
		}
		text += render(t)
	}
	return a.print(text)
}

func listed(p host.Listed) pluginJSON {
	j := pluginJSON{Name: p.Ref.Name, Title: p.Description.Title, Version: p.Description.Version, Source: p.Ref.Path, SHA256: p.Ref.SHA256}
	if p.Ref.Shipped() {
		j.Source = "shipped"
	}
	if p.Err != nil {
		j.Error, j.Source = oneLine(p.Err.Error()), ""
	}
	return j
}

func (a *app) describeCommand(kind wire.Kind) *cobra.Command {
	var preset string
	c := &cobra.Command{
		Use:     "describe NAME",
		Short:   "Show formula, hyper-parameters and sources",
		Long:    "Shows formula, hyper-parameters with defaults and ranges, and sources.",
		Example: "  sslctl regulariser describe var\n  sslctl regulariser describe cov --json",
		Args:    oneArg("a " + string(kind) + "; sslctl " + string(kind) + " list shows them"),
	}
	if kind == wire.Regulariser {
		c.ValidArgsFunction = first(a.completeRegularisers)
		c.RunE = func(cmd *cobra.Command, args []string) error {
			return a.describePlugin(cmd.Context(), wire.Regulariser, args[0])
		}
		return c
	}
	c.Short = "Show formula, network, hyper-parameters, presets and sources"
	c.Long = "Shows all there is to know of a method: formula, the way from a view to the loss with the widths of a preset, hyper-parameters\n" +
		"with defaults and ranges, presets with their settings and where they come from, sources."
	c.Example = "  sslctl method describe vicreg\n  sslctl method describe byol --preset imagenet\n  sslctl method describe simsiam --json"
	c.ValidArgsFunction = first(a.completeMethods)
	c.RunE = func(cmd *cobra.Command, args []string) error { return a.describeMethod(cmd.Context(), args[0], preset) }
	c.Flags().StringVar(&preset, "preset", "", "`NAME` of the preset to show (default the method's first)")
	complete(c, "preset", a.completePresets)
	return c
}

// describePlugin shows what a regulariser or backbone says of itself.
func (a *app) describePlugin(ctx context.Context, kind wire.Kind, name string) error {
	s, closeSession := a.session(a.logger())
	defer closeSession()
	ref, err := s.Host.Find(kind, name)
	if err != nil {
		return err
	}
	d, err := s.Host.Describe(ctx, ref)
	if err != nil {
		return err
	}
	j := describe(kind, ref, d)
	if a.json {
		return a.printJSON(j)
	}
	return a.print(j.text())
}

// anyImages stand for those of a run, which are not known yet: the width of y may depend on them where a preset names a
// backbone that is a plugin.
var anyImages = backbone.Images{Size: 224, Channels: 3}

// describeMethod also resolves the preset and traces the method, whose recipe is the network.
func (a *app) describeMethod(ctx context.Context, name, preset string) error {
	s, closeSession := a.session(a.logger())
	defer closeSession()
	resolved, err := s.Resolve(ctx, config.Layers{Flags: map[string]any{"method": name, "preset": preset}})
	if err != nil {
		return err
	}
	c := resolved.Config()
	ref, err := s.Host.Find(wire.Method, name)
	if err != nil {
		return err
	}
	d, err := s.Host.Describe(ctx, ref)
	if err != nil {
		return err
	}
	program, err := s.Trace(ctx, c, anyImages)
	if err != nil {
		return err
	}
	j := describe(wire.Method, ref, d)
	if j.Preset = preset; preset == "" && len(d.Presets) > 0 {
		j.Preset = d.Presets[0].Name
	}
	if j.Network, err = networkOf(c, program); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(j)
	}
	return a.print(j.text())
}
