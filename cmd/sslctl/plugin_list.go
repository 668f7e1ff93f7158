package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
)

func (a *app) pluginListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List plugins with version, protocol, state, digest and source",
		Long: "Finds every plugin and asks each what it is. States: ok; not pinned, where it was put there by hand and nothing tells when\n" +
			"it changes; changed, where its file is not the one that was installed; missing, where it is gone; broken, with the reason.\n" +
			"Folders are searched in this order: --plugin-dir, $SSLCTL_PLUGIN_PATH, ./.sslctl/plugins, $XDG_DATA_HOME/sslctl/plugins,\n" +
			"then what is shipped. The first of a name counts.",
		Example: "  sslctl plugin list\n  sslctl plugin list --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := a.inventory(cmd.Context(), nil)
			if err != nil {
				return err
			}
			return a.showPlugins(all)
		},
	}
}

func (a *app) pluginVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify [NAME...]",
		Short: "Check that plugins are the ones that were installed, and work",
		Long: "Compares the SHA-256 of each executable with plugins.lock and starts it. Where one is changed, missing or broken the exit\n" +
			"code is 3. run checks the same of what it starts; this finds it before. Without names all plugins are checked.",
		Example: "  sslctl plugin verify\n  sslctl plugin verify mine --json",
		RunE: func(cmd *cobra.Command, names []string) error {
			all, err := a.inventory(cmd.Context(), names)
			if err != nil {
				return err
			}
			if err := a.showPlugins(all); err != nil {
				return err
			}
			return verdict(all)
		},
	}
}

// verdict is the first thing wrong with plugins, and how many there are.
func verdict(all []host.Listed) error {
	var first error
	failed := 0
	for _, p := range all {
		if p.Err != nil {
			failed++
			if first == nil {
				first = p.Err
			}
		}
	}
	if failed == 0 {
		return nil
	}
	return fault.New(fault.Plugin, fault.HintOf(first), "%d of %d plugins cannot be used: %w", failed, len(all), first)
}

// inventory lists all plugins, or those of some names.
func (a *app) inventory(ctx context.Context, names []string) ([]host.Listed, error) {
	s, closeSession := a.session(a.logger())
	defer closeSession()
	all, err := s.Host.List(ctx)
	if err != nil || len(names) == 0 {
		return all, err
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(p host.Listed) bool { return p.Ref.Name == name }) {
			return nil, fault.New(fault.Usage, "sslctl plugin list shows them", "there is no plugin %q", name)
		}
	}
	return slices.DeleteFunc(all, func(p host.Listed) bool { return !slices.Contains(names, p.Ref.Name) }), nil
}

// inventoryJSON is a plugin in a list for programs.
type inventoryJSON struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Version  string `json:"version,omitempty"`
	Protocol int    `json:"protocol,omitempty"`
	State    string `json:"state"`
	Path     string `json:"path,omitempty"`   // of the executable; none for what is shipped
	Source   string `json:"source"`           // "shipped", where it was installed from, or where it was put
	SHA256   string `json:"sha256,omitempty"` // of the file as it is
	Error    string `json:"error,omitempty"`
	Hint     string `json:"hint,omitempty"`
}

func inventoryLine(p host.Listed) inventoryJSON {
	j := inventoryJSON{Kind: string(p.Ref.Kind), Name: p.Ref.Name, Version: p.Description.Version, Protocol: p.Protocol, State: string(p.State()),
		Path: p.Ref.Path, Source: p.Ref.Pin.Source, SHA256: p.Ref.SHA256}
	switch {
	case p.Ref.Shipped():
		j.Source = "shipped"
	case j.Source == "":
		j.Source = p.Ref.Path
	}
	if p.Err != nil {
		j.Error, j.Hint = oneLine(p.Err.Error()), oneLine(fault.HintOf(p.Err))
	}
	return j
}

func (a *app) showPlugins(all []host.Listed) error {
	lines := []inventoryJSON{}
	for _, p := range all {
		lines = append(lines, inventoryLine(p))
	}
	if a.json {
		return a.printJSON(map[string]any{"plugins": lines})
	}
	t := left(newTable("kind", "name", "version", "protocol", "state", "sha256", "source"), 7)
	var reasons strings.Builder
	for _, l := range lines {
		protocol := ""
		if l.Protocol > 0 {
			protocol = fmt.Sprint(l.Protocol)
		}
		t.AppendRow(table.Row{l.Kind, l.Name, l.Version, protocol, l.State, l.SHA256[:min(12, len(l.SHA256))], l.Source})
		if l.Error != "" {
			fmt.Fprintf(&reasons, "\n%s\n    %s\n", l.Error, l.Hint)
		}
	}
	return a.print(render(t) + reasons.String())
}
