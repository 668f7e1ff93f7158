package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/sslctl/sslctl/core/fault"
	"github.com/sslctl/sslctl/core/host"
	"github.com/sslctl/sslctl/core/install"
	"github.com/sslctl/sslctl/sdk/wire"
)

func (a *app) pluginInstallCommand() *cobra.Command {
	var dir, sum string
	var project bool
	c := &cobra.Command{
		Use:   "install PATH|URL",
		Short: "Install a plugin, pinned by its SHA-256",
		Long: "Takes an executable from a path or an address, starts it to learn what it is, puts it where run finds it and writes its\n" +
			"SHA-256 into plugins.lock beside it. From then on a file that has changed is not started. A plugin of the same name is\n" +
			"replaced. An address of http:// needs --sha256, for nothing else tells whether the file was changed on its way.",
		Example: "  sslctl plugin install bin/sslctl-method-mine\n" +
			"  sslctl plugin install bin/sslctl-method-mine --project              # into ./.sslctl/plugins\n" +
			"  sslctl plugin install https://example.org/sslctl-method-mine --sha256 3f5a…",
		Args: oneArg("an executable, such as bin/sslctl-method-mine, or its address"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case project && dir != "":
				return fault.New(fault.Usage, "give one of them", "--project and --dir both say where")
			case project:
				dir = host.ProjectDir()
			case dir == "":
				dir = host.UserDir()
			}
			return a.installPlugin(cmd.Context(), args[0], install.Options{Dir: dir, SHA256: sum})
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "dir", "", "`FOLDER` to install into (default the user's, $XDG_DATA_HOME/sslctl/plugins)")
	f.BoolVar(&project, "project", false, "install into this project's folder, ./.sslctl/plugins")
	f.StringVar(&sum, "sha256", "", "`SUM` that the executable must have")
	complete(c, "dir", completeFolders)
	return c
}

// installedJSON is what was installed.
type installedJSON struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Version  string `json:"version"`
	Protocol int    `json:"protocol"`
	Path     string `json:"path"`
	SHA256   string `json:"sha256"`
	Source   string `json:"source"`
	Replaced string `json:"replaced,omitempty"` // SHA-256 of what was there before
}

func (a *app) installPlugin(ctx context.Context, source string, o install.Options) error {
	shown := a.downloads()
	o.Progress = shown.observe
	s, closeSession := a.session(a.logger())
	defer closeSession()
	p, err := install.Install(ctx, s.Host, source, o)
	shown.close()
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(installedJSON{string(p.Kind), p.Name, p.Version, p.Protocol, p.Path, p.SHA256, p.Source, p.Replaced})
	}
	use := "sslctl run --method " + p.Name + " --data fashion-mnist"
	switch p.Kind {
	case wire.Regulariser:
		use = "sslctl run --method vicreg --add-reg " + p.Name + " --data fashion-mnist"
	case wire.Backbone:
		use = "sslctl run --method vicreg --backbone " + p.Name + " --data fashion-mnist"
	}
	return a.print(fmt.Sprintf("installed the %s %s %s\nfile    %s\nsha256  %s\n\n    %s\n", p.Kind, p.Name, p.Version, p.Path, p.SHA256, use))
}

func (a *app) pluginRemoveCommand() *cobra.Command {
	var kind string
	c := &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove an installed plugin",
		Long: "Removes the executable that run would find under this name, and its line in plugins.lock. What another folder holds, or\n" +
			"sslctl ships, under the same name is found from then on.",
		Example:           "  sslctl plugin remove mine\n  sslctl plugin remove mine --kind regulariser",
		Args:              oneArg("a plugin; sslctl plugin list shows them"),
		ValidArgsFunction: first(a.completeInstalled),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.removePlugin(cmd.Context(), args[0], kind) },
	}
	kindFlag(c, &kind)
	return c
}

// kindFlag is --kind where a name alone may say it.
func kindFlag(c *cobra.Command, kind *string) {
	c.Flags().StringVar(kind, "kind", "", "`KIND` of the plugin, where two have the same name: method, regulariser, backbone")
	completeKinds(c)
}

func (a *app) removePlugin(ctx context.Context, name, kind string) error {
	s, closeSession := a.session(a.logger())
	defer closeSession()
	ref, err := locateInstalled(s.Host, name, kind)
	if err == nil {
		err = install.Remove(ctx, ref)
	}
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]string{"kind": string(ref.Kind), "name": ref.Name, "removed": ref.Path})
	}
	return a.print("removed " + ref.Path + "\n")
}

// locateInstalled finds a plugin by its name, in one kind or in all.
func locateInstalled(h *host.Host, name, kind string) (host.Ref, error) {
	kinds, err := kindsOf(kind)
	if err != nil {
		return host.Ref{}, err
	}
	var found []host.Ref
	var failed error
	for _, k := range kinds {
		ref, err := h.LocateInstalled(k, name)
		if err == nil {
			found = append(found, ref)
		} else if failed == nil {
			failed = err
		}
	}
	switch len(found) {
	case 0:
		return host.Ref{}, failed
	case 1:
		return found[0], nil
	}
	return host.Ref{}, fault.New(fault.Usage, "say which with --kind", "there are both %s and %s", found[0], found[1])
}

// kindsOf reads --kind; "" stands for all.
func kindsOf(kind string) ([]wire.Kind, error) {
	k := wire.Kind(kind)
	switch {
	case kind == "":
		return wire.Kinds(), nil
	case k.Known():
		return []wire.Kind{k}, nil
	}
	return nil, unknownKind(kind)
}

func unknownKind(kind string) error {
	return fault.New(fault.Usage, "choose method, regulariser or backbone", "unknown kind %q", kind)
}

// completeInstalled lists what is not shipped.
func (a *app) completeInstalled(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	a.ask(func(h *host.Host) {
		all, _ := h.List(c.Context()) // its only error is that the context ended
		for _, p := range all {
			if !p.Ref.Shipped() {
				names = append(names, cobra.CompletionWithDesc(p.Ref.Name, string(p.Ref.Kind)))
			}
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}
