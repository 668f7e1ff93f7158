package main

import (
	"context"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/backbones"
	"github.com/sslctl/sslctl/sdk/wire"
)

func (a *app) backboneCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "backbone",
		Short: "List backbones, or describe one that is a plugin",
		Long: "A backbone is the network that makes the representation of an image: one that is part of sslctl, or a plugin, an\n" +
			"executable sslctl-backbone-NAME in one of the folders that are searched. sslctl run --backbone NAME trains with it.",
		Example: "  sslctl backbone list\n  sslctl backbone describe my-net",
	}, a.listBackbonesCommand(), a.describeBackboneCommand())
}

func (a *app) listBackbonesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List backbones with version and source",
		Long: "Lists the backbones that are part of sslctl, then finds every plugin and asks each what it is. A plugin cannot have the\n" +
			"name of a backbone that is part of sslctl.",
		Example: "  sslctl backbone list\n  sslctl backbone list --plugin-dir ./bin --json",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listBackbones(cmd.Context()) },
	}
}

// listBackbones lists those without a plugin, whose version is the program's, and those with one.
func (a *app) listBackbones(ctx context.Context) error {
	lines := []pluginJSON{}
	for _, b := range backbones.List() {
		lines = append(lines, pluginJSON{Name: b.Name, Title: b.Doc, Source: "shipped"})
	}
	s, closeSession := a.session(a.logger())
	defer closeSession()
	all, err := s.Host.List(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Ref.Kind == wire.Backbone {
			lines = append(lines, listed(p))
		}
	}
	if a.json {
		return a.printJSON(map[string]any{"backbones": lines})
	}
	t := left(newTable("backbone", "title", "version", "source"), 4)
	for _, l := range lines {
		if l.Error != "" {
			l.Title = "unusable: " + l.Error
		}
		t.AppendRow(table.Row{l.Name, l.Title, l.Version, l.Source})
	}
	return a.print(render(t))
}

func (a *app) describeBackboneCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "describe NAME",
		Short:             "Show formula, hyper-parameters and sources of a backbone's plugin",
		Long:              "Shows formula, hyper-parameters with defaults and ranges, and sources. --set backbone.NAME=VALUE sets one in a run.",
		Example:           "  sslctl backbone describe my-net\n  sslctl backbone describe my-net --plugin-dir ./bin --json",
		Args:              oneArg("a backbone; sslctl backbone list shows them"),
		ValidArgsFunction: first(a.completeBackbones),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.describeBackbone(cmd.Context(), args[0]) },
	}
}

func (a *app) describeBackbone(ctx context.Context, name string) error {
	for _, b := range backbones.List() {
		if b.Name == name {
			return a.describeShippedBackbone(b)
		}
	}
	return a.describePlugin(ctx, wire.Backbone, name)
}

// describeShippedBackbone says what is known of a backbone without a plugin: its options are keys of the configuration.
func (a *app) describeShippedBackbone(b backbones.Entry) error {
	if a.json {
		return a.printJSON(pluginJSON{Name: b.Name, Title: b.Doc, Source: "shipped"})
	}
	return a.print(b.Doc + "\nbackbone " + b.Name + ", shipped\n\nIts options are the keys backbone.widths, backbone.pool and backbone.stem: sslctl config keys\n")
}

// completeBackbones lists all, those without a plugin first.
func (a *app) completeBackbones(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, b := range backbones.List() {
		names = append(names, cobra.CompletionWithDesc(b.Name, b.Doc))
	}
	return append(names, a.plugins(c.Context(), wire.Backbone)...), cobra.ShellCompDirectiveNoFileComp
}
